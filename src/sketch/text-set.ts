import type { ByteReader, ByteWriter } from '../core/bytes.js'
import { Bug } from '../core/errors.js'

/** A bounded set of texts, kept as bytes. */
export class TextSet {
  readonly size: number = 0
  /** How often a text found no room. */
  readonly overflow: number = 0
  constructor(readonly limit: number) {}
  /** True when it is new and there was room. */
  add(_bytes: Uint8Array, _start: number, _end: number): boolean {
    throw new Bug('not yet')
  }
  has(_bytes: Uint8Array, _start: number, _end: number): boolean {
    throw new Bug('not yet')
  }
  /** In order of arrival. */
  members(): string[] {
    throw new Bug('not yet')
  }
  merge(_other: TextSet): void {
    throw new Bug('not yet')
  }
  clone(): TextSet {
    throw new Bug('not yet')
  }
  encode(_writer: ByteWriter): void {
    throw new Bug('not yet')
  }
  static decode(_reader: ByteReader, _limit: number): TextSet {
    throw new Bug('not yet')
  }
  get byteSize(): number {
    throw new Bug('not yet')
  }
}
