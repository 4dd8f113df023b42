/** JSON and dictionaries as Python writes them: seed 004's server sends texts of both, and its peers print them. */

/** As `json.dumps` has it: a space after each comma and colon, ASCII alone. */
export function dumped(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(dumped).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([key, each]) => `${dumped(key)}: ${dumped(each)}`)
      .join(', ')}}`;
  }
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** As `str` has a dictionary of what is wrong with each field: `{'bogus': ['Unknown field.']}`. */
export function spelt(faults: Readonly<Record<string, readonly string[]>>): string {
  const quoted = (text: string) =>
    `'${text.replace(/[\\']/g, (character) => `\\${character}`).replace(/\P{ASCII}|[\x00-\x1f\x7f]/gu, '?')}'`;
  const fields = Object.entries(faults).map(([field, said]) => `${quoted(field)}: [${said.map(quoted).join(', ')}]`);
  return `{${fields.join(', ')}}`;
}
