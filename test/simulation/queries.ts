// Queries of a simulated life.
export const QUERIES: readonly { readonly source: string }[] = []
