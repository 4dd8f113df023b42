/**
 * Of which files of tests tap finds out what code they run (.taprc).
 *
 * That takes a third of the time of whatever computes much. What real processes do is not seen anyway, and what long simulations come
 * by others come by, too: without these no room that is promised to be covered whole has a gap.
 */
const UNMEASURED = /^test\/(e2e|docs)\/|^test\/simulator\/(healing|hostile|liars|ring|small)\.ts$/;

/** As tap's `coverage-map` wants it: null for a file of tests of which nothing is measured, and an empty list for all others. */
export default function measured(file: string): readonly string[] | null {
  return UNMEASURED.test(file) ? null : [];
}
