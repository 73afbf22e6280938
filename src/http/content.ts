// What a body is, by its headers: how it is written down, and how it is compressed.
import { Format } from '../event/decode.js'
import { parseInstant } from '../event/time.js'

/** How a body is compressed. */
export const enum Encoding {
  None = 0,
  Gzip = 1,
  Deflate = 2,
  Brotli = 3,
  Unknown = 4,
}

/** Formats by media type. No type, text/plain and form types are JSON: beacons and bare curl send those. */
const FORMATS: ReadonlyMap<string, Format> = new Map<string, Format>([
  ['', Format.Json],
  ['application/json', Format.Json],
  ['text/json', Format.Json],
  ['text/plain', Format.Json],
  ['application/x-www-form-urlencoded', Format.Json],
  ['multipart/form-data', Format.Json],
  ['application/x-ndjson', Format.Ndjson],
  ['application/ndjson', Format.Ndjson],
  ['application/jsonlines', Format.Ndjson],
  ['application/x-jsonlines', Format.Ndjson],
  ['application/json-lines', Format.Ndjson],
  ['application/json-seq', Format.Ndjson],
  ['application/msgpack', Format.MessagePack],
  ['application/x-msgpack', Format.MessagePack],
  ['application/vnd.msgpack', Format.MessagePack],
])

/** The media type of a Content-Type header: lower case, without parameters. */
export function mediaType(contentType: string): string {
  const end = contentType.indexOf(';')
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
}

/** The format of an events body, or undefined where the type is unknown. */
export function formatOf(contentType: string): Format | undefined {
  // Most clients send exactly one of the names, so the header as it came is tried first: no string is made.
  return FORMATS.get(contentType) ?? FORMATS.get(mediaType(contentType))
}

export function encodingOf(contentEncoding: string): Encoding {
  switch (contentEncoding) {
    case '':
      return Encoding.None
    case 'gzip':
      return Encoding.Gzip
  }
  switch (contentEncoding.trim().toLowerCase()) {
    case '':
    case 'identity':
      return Encoding.None
    case 'gzip':
    case 'x-gzip':
      return Encoding.Gzip
    case 'deflate':
      return Encoding.Deflate
    case 'br':
      return Encoding.Brotli
    default:
      return Encoding.Unknown
  }
}

/** X-Sent-At: ms since the epoch or ISO 8601; NaN where absent or unreadable. Without a zone it is UTC, as in a body. */
export function sentAtOf(header: string): number {
  if (header === '') return Number.NaN
  const text = header.trim()
  if (/^\d{1,16}(\.\d+)?$/.test(text)) return Number(text)
  const bytes = Buffer.from(text)
  return parseInstant(bytes, 0, bytes.length)
}
