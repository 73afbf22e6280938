export type { CustomerFile, CustomerStore, FileWrite, PageWrite, Row } from './contract.js'
