/** The code under test broke a promise. */
export class Violation extends Error {
  override name = 'Violation'
}
