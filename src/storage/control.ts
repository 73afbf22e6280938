export type { ControlReader, ControlWriter, CustomerRecord, KeyRecord } from './contract.js'
