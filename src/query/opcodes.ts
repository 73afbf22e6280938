// The instruction set: one table that drives compiler, verifier, machine and disassembler.
//
// An instruction is a 32-bit word, operation in the low 8 bits, operand A (signed, 24 bits) above, and as many further
// words as its row lists:
//
//      31                      8 7        0
//     +-------------------------+----------+   +-----------+
//     |      A (signed)         | opcode   |   |  B, C …   |
//     +-------------------------+----------+   +-----------+
//
// The machine has an accumulator, where every value appears, and a stack. A frame, from `fp` up:
//
//     parameters … | caller's closure | caller's pc | fp − caller's fp | let variables and temporaries …
//
// so a call needs no more than its operands pushed and the procedure in the accumulator. Slots are relative to fp.
//
// Operands: constant, literal, block: indexes into the block's tables · local: a slot · free: index into the closure ·
// global: index into the globals of the run · target: address of an instruction · count: number of operands on the stack ·
// number: a signed integer · captures: as many words as the block has free variables, (index << 1) | (1 if itself free).
// `pops` says what an instruction takes off the stack ('A', 'B': as many as that operand), `pushes` what it leaves there.

export const enum Op {
  Const,
  Literal,
  Local,
  LocalBox,
  Free,
  FreeBox,
  Global,
  GlobalSealed,
  CheckAssigned,
  Push,
  PushLocal,
  PushConst,
  PushFree,
  SetLocal,
  SetLocalBox,
  SetFreeBox,
  SetGlobal,
  DefineGlobal,
  BoxLocal,
  MakeClosure,
  PatchClosure,
  Drop,
  Jump,
  JumpIfFalse,
  JumpIfTrue,
  Again,
  Call,
  TailCall,
  CallGlobal,
  TailCallGlobal,
  Return,
  Underflow,
  Primitive0,
  Primitive1,
  Primitive2,
  Primitive3,
  PrimitiveN,
  PrimitiveSpread,
  PrimitiveResumable,
  Car,
  Cdr,
  Cadr,
  Cons,
  Not,
  IsNull,
  IsPair,
  IsEq,
  Add,
  Subtract,
  Multiply,
  AddNumber,
  Equal,
  Less,
  Greater,
  LessOrEqual,
  GreaterOrEqual,
  IsZero,
  VectorRef,
  VectorSet,
  JumpUnlessNull,
  JumpUnlessPair,
  JumpUnlessEq,
  JumpUnlessEqual,
  JumpUnlessLess,
  JumpUnlessGreater,
  JumpUnlessLessOrEqual,
  JumpUnlessGreaterOrEqual,
  JumpUnlessEqualNumber,
  JumpUnlessLessNumber,
  JumpUnlessGreaterNumber,
  LocalAddNumber,
  LocalCar,
  LocalCdr,
  TailApply,
  TailApplyValues,
  Capture,
  Reinstate,
  Winders,
  SetWinders,
}

export type OperandKind =
  | 'none'
  | 'constant'
  | 'literal'
  | 'block'
  | 'local'
  | 'free'
  | 'global'
  | 'target'
  | 'count'
  | 'number'
  | 'primitive'
  | 'captures'

export interface OpRow {
  readonly name: string
  /** A, then further words. */
  readonly operands: readonly OperandKind[]
  readonly pops: number | 'A' | 'B'
  readonly pushes: number
  /** What follows: the next instruction, that or a target, only a target, or nothing (the frame is left). */
  readonly next: 'on' | 'branch' | 'jump' | 'leave'
  readonly meaning: string
}

const row = (
  name: string,
  operands: readonly OperandKind[],
  pops: number | 'A' | 'B',
  pushes: number,
  meaning: string,
  next: OpRow['next'] = 'on',
): OpRow => ({ name, operands, pops, pushes, next, meaning })

/** One row per Op, in order. */
export const OPS: readonly OpRow[] = [
  row('const', ['constant'], 0, 0, 'acc = K[A]'),
  row('literal', ['literal'], 0, 0, "acc = this run's copy of the mutable constant A"),
  row('local', ['local'], 0, 0, 'acc = frame[A]'),
  row('local-box', ['local'], 0, 0, 'acc = frame[A].value'),
  row('free', ['free'], 0, 0, 'acc = closure[A]'),
  row('free-box', ['free'], 0, 0, 'acc = closure[A].value'),
  row('global', ['global'], 0, 0, 'acc = globals[A], which must be defined'),
  row('global-sealed', ['global'], 0, 0, 'acc = globals[A], of the library'),
  row('check-assigned', ['constant'], 0, 0, 'acc must not be the unassigned mark; K[A] is the name'),
  row('push', ['none'], 0, 1, 'push acc'),
  row('push-local', ['local'], 0, 1, 'push frame[A]'),
  row('push-const', ['constant'], 0, 1, 'push K[A]'),
  row('push-free', ['free'], 0, 1, 'push closure[A]'),
  row('set-local', ['local'], 0, 0, 'frame[A] = acc'),
  row('set-local-box', ['local'], 0, 0, 'frame[A].value = acc'),
  row('set-free-box', ['free'], 0, 0, 'closure[A].value = acc'),
  row('set-global', ['global'], 0, 0, 'globals[A] = acc; must be defined'),
  row('define-global', ['global'], 0, 0, 'globals[A] = acc'),
  row('box-local', ['local'], 0, 0, 'frame[A] = a new box with frame[A]'),
  row('make-closure', ['block', 'captures'], 0, 0, 'acc = a closure of block A'),
  row('patch-closure', ['local', 'free', 'local'], 0, 0, 'frame[A].free[B] = frame[C]'),
  row('drop', ['count'], 'A', 0, 'take A values off the stack'),
  row('jump', ['target'], 0, 0, 'go to A', 'jump'),
  row('jump-if-false', ['target'], 0, 0, 'go to A if acc is #f', 'branch'),
  row('jump-if-true', ['target'], 0, 0, 'go to A if acc is not #f', 'branch'),
  row('again', ['local', 'count', 'target'], 'B', 0, 'move B values to frame[A…], drop what is above, go to C', 'jump'),
  row('call', ['count'], 'A', 0, 'call acc with A operands'),
  row('tail-call', ['count'], 'A', 0, 'call acc in place of this frame', 'leave'),
  row('call-global', ['global', 'count'], 'B', 0, 'call globals[A]'),
  row('tail-call-global', ['global', 'count'], 'B', 0, 'call globals[A] in place of this frame', 'leave'),
  row('return', ['none'], 0, 0, 'leave the frame', 'leave'),
  row('underflow', ['none'], 0, 0, 'go on with the next stack segment, or end the program', 'leave'),
  row('primitive-0', ['primitive'], 0, 0, 'acc = P[A]()'),
  row('primitive-1', ['primitive'], 0, 0, 'acc = P[A](acc)'),
  row('primitive-2', ['primitive'], 1, 0, 'acc = P[A](pop, acc)'),
  row('primitive-3', ['primitive'], 2, 0, 'acc = P[A](pop, pop, acc)'),
  row('primitive-n', ['primitive', 'count'], 'B', 0, 'acc = P[A](B operands)'),
  row('primitive-spread', ['primitive', 'count'], 'B', 0, 'acc = P[A]([B operands])'),
  row('primitive-resumable', ['primitive', 'count'], 'B', 0, 'acc = P[A](B operands), perhaps in slices'),
  row('car', ['none'], 0, 0, 'acc = car of acc'),
  row('cdr', ['none'], 0, 0, 'acc = cdr of acc'),
  row('cadr', ['none'], 0, 0, 'acc = car of cdr of acc'),
  row('cons', ['none'], 1, 0, 'acc = (pop . acc)'),
  row('not', ['none'], 0, 0, 'acc = acc is #f'),
  row('null?', ['none'], 0, 0, 'acc = acc is ()'),
  row('pair?', ['none'], 0, 0, 'acc = acc is a pair'),
  row('eq?', ['none'], 1, 0, 'acc = pop is acc'),
  row('+', ['none'], 1, 0, 'acc = pop + acc'),
  row('-', ['none'], 1, 0, 'acc = pop − acc'),
  row('*', ['none'], 1, 0, 'acc = pop · acc'),
  row('add-number', ['number'], 0, 0, 'acc = acc + A'),
  row('=', ['none'], 1, 0, 'acc = pop = acc'),
  row('<', ['none'], 1, 0, 'acc = pop < acc'),
  row('>', ['none'], 1, 0, 'acc = pop > acc'),
  row('<=', ['none'], 1, 0, 'acc = pop ≤ acc'),
  row('>=', ['none'], 1, 0, 'acc = pop ≥ acc'),
  row('zero?', ['none'], 0, 0, 'acc = acc is 0'),
  row('vector-ref', ['none'], 1, 0, 'acc = pop[acc]'),
  row('vector-set!', ['none'], 2, 0, 'pop[pop] = acc'),
  row('jump-unless-null', ['target'], 0, 0, 'go to A unless acc is ()', 'branch'),
  row('jump-unless-pair', ['target'], 0, 0, 'go to A unless acc is a pair', 'branch'),
  row('jump-unless-eq', ['target'], 1, 0, 'go to A unless pop is acc', 'branch'),
  row('jump-unless-=', ['target'], 1, 0, 'go to A unless pop = acc', 'branch'),
  row('jump-unless-<', ['target'], 1, 0, 'go to A unless pop < acc', 'branch'),
  row('jump-unless->', ['target'], 1, 0, 'go to A unless pop > acc', 'branch'),
  row('jump-unless-<=', ['target'], 1, 0, 'go to A unless pop ≤ acc', 'branch'),
  row('jump-unless->=', ['target'], 1, 0, 'go to A unless pop ≥ acc', 'branch'),
  row('jump-unless-=-number', ['target', 'number'], 0, 0, 'go to A unless acc = B', 'branch'),
  row('jump-unless-<-number', ['target', 'number'], 0, 0, 'go to A unless acc < B', 'branch'),
  row('jump-unless->-number', ['target', 'number'], 0, 0, 'go to A unless acc > B', 'branch'),
  row('local-add-number', ['local', 'number'], 0, 0, 'acc = frame[A] + B'),
  row('local-car', ['local'], 0, 0, 'acc = car of frame[A]'),
  row('local-cdr', ['local'], 0, 0, 'acc = cdr of frame[A]'),
  row('tail-apply', ['none'], 1, 0, 'call pop with the list acc, in place of this frame', 'leave'),
  row('tail-apply-values', ['none'], 1, 0, 'call pop with the values acc, in place of this frame', 'leave'),
  row('capture', ['none'], 0, 0, "call acc with the caller's continuation, in place of this frame", 'leave'),
  row('reinstate', ['none'], 1, 0, 'go on with the continuation pop, giving it the list acc as values', 'leave'),
  row('winders', ['none'], 0, 0, 'acc = the dynamic-wind entries in force'),
  row('set-winders', ['none'], 0, 0, 'the dynamic-wind entries in force = acc'),
]

/** Primitives that are instructions, by name and number of operands. */
export const inlineOps: ReadonlyMap<string, Op> = new Map([
  ['car/1', Op.Car],
  ['cdr/1', Op.Cdr],
  ['cadr/1', Op.Cadr],
  ['cons/2', Op.Cons],
  ['not/1', Op.Not],
  ['null?/1', Op.IsNull],
  ['pair?/1', Op.IsPair],
  ['eq?/2', Op.IsEq],
  ['+/2', Op.Add],
  ['-/2', Op.Subtract],
  ['*/2', Op.Multiply],
  ['=/2', Op.Equal],
  ['</2', Op.Less],
  ['>/2', Op.Greater],
  ['<=/2', Op.LessOrEqual],
  ['>=/2', Op.GreaterOrEqual],
  ['zero?/1', Op.IsZero],
  ['vector-ref/2', Op.VectorRef],
  ['vector-set!/3', Op.VectorSet],
  ['%apply/2', Op.TailApply],
  ['%apply-values/2', Op.TailApplyValues],
  ['%capture/1', Op.Capture],
  ['%reinstate/2', Op.Reinstate],
  ['%winders/0', Op.Winders],
  ['%set-winders!/1', Op.SetWinders],
])

/** Tests that are one instruction with the branch they decide. */
export const branchOps: ReadonlyMap<Op, Op> = new Map([
  [Op.IsNull, Op.JumpUnlessNull],
  [Op.IsPair, Op.JumpUnlessPair],
  [Op.IsEq, Op.JumpUnlessEq],
  [Op.Equal, Op.JumpUnlessEqual],
  [Op.Less, Op.JumpUnlessLess],
  [Op.Greater, Op.JumpUnlessGreater],
  [Op.LessOrEqual, Op.JumpUnlessLessOrEqual],
  [Op.GreaterOrEqual, Op.JumpUnlessGreaterOrEqual],
])

/** Comparisons with a small integer. */
export const branchNumberOps: ReadonlyMap<Op, Op> = new Map([
  [Op.Equal, Op.JumpUnlessEqualNumber],
  [Op.Less, Op.JumpUnlessLessNumber],
  [Op.Greater, Op.JumpUnlessGreaterNumber],
])

export const MAX_OPERAND = 0x7f_ffff
