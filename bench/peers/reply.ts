/** What every peer answers: as many bytes as a node does. */
export const REPLY = '{"status":"ok","accepted":1,"duplicates":0}'
