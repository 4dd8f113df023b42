/** What differs between databases: how a statement is run, how a transaction is made, what is tried again. */
import type { Row, Statement, Values } from './statements.ts';

/** One statement on its way to the database. */
export interface Step {
  readonly statement: Statement;
  readonly values: Values;
}

/** Statements one after the other: each is yielded, and answered with its rows. Any database can perform that in its own way. */
export type Work<Answer> = Generator<Step, Answer, readonly Row[]>;

/** How parts of names are looked for: in a table of their trigrams, by an index of columns, or by reading on and on. */
export type Trigrams = 'table' | 'index' | 'none';

export interface Database {
  readonly trigrams: Trigrams;
  /** One statement by itself. */
  run(step: Step): Promise<readonly Row[]>;
  /** All statements of the work in one transaction, or none; it may be begun again, when others were in its way. */
  inTransaction<Answer>(work: () => Work<Answer>): Promise<Answer>;
  close(): Promise<void>;
}

/** One statement as a part of a work. */
export function* run(statement: Statement, values: Values): Work<readonly Row[]> {
  return yield { statement, values };
}

/** A number that nobody else gets, larger than all before it, and how many times ports have been freed. */
export interface Counted {
  readonly counted: number;
  readonly freed: number;
}

/** The next number, and the lock: until this transaction is over, no other that counts gets one. */
export function* count(): Work<Counted> {
  return countedIn(yield* run('count', {}));
}

/** The same, for what may free a port. */
export function* countFreed(): Work<Counted> {
  return countedIn(yield* run('countFreed', {}));
}

function countedIn([row]: readonly Row[]): Counted {
  return { counted: Number(row?.counted), freed: Number(row?.freed) };
}
