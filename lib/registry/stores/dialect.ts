/** What a database calls things. */
export interface Dialect {
  readonly integer: string;
  readonly real: string;
  /** A key that grows; we say ourselves what it is. */
  readonly order: string;
  /** Behind a table's columns: where types are otherwise only advice. */
  readonly strict: string;
  /** Text in the order of its characters' numbers. */
  readonly text: string;
  /** What makes an index of the trigrams of names and titles, where that is a table of its own. */
  readonly trigrams: readonly string[];
}
