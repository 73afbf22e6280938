export type { Frame, Journal, JournalEntry, JournalOptions, JournalWriter } from './contract.js'
export { EntryKind } from './contract.js'
