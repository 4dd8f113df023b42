import t from 'tap';
import { HASHES_AT_ONCE, HASHES_WAITING, SCRYPT_BLOCK, SCRYPT_COST, SCRYPT_PARALLEL } from '../../lib/config.ts';
import { ScryptPasswords } from '../../lib/server/passwords.ts';

/** As little work as there is. */
const CHEAP = { cost: 2, block: 1, parallel: 1 };

t.test('a password is of its own hash, and of no other', async (t) => {
  const passwords = new ScryptPasswords(CHEAP);
  const [hash, again, other] = await Promise.all([passwords.hash('correct'), passwords.hash('correct'), passwords.hash('wrong')]);
  t.not(hash, again, 'each has a salt of its own');
  t.notMatch(hash, /correct/);
  t.ok(await passwords.isOf('correct', hash));
  t.ok(await passwords.isOf('correct', again));
  for (const kept of [other, undefined, '', 'correct', '$scrypt$ln=1,r=1,p=1$$', hash.slice(0, -1)]) {
    t.notOk(await passwords.isOf('correct', kept), String(kept));
  }
});

t.test('what is kept says what it cost, so that it holds when the cost changes', async (t) => {
  const hash = await new ScryptPasswords({ cost: 4, block: 2, parallel: 3 }).hash('correct');
  t.match(hash, /^\$scrypt\$ln=2,r=2,p=3\$[\w+/]{22}\$[\w+/]{43}$/);
  t.ok(await new ScryptPasswords(CHEAP).isOf('correct', hash));
});

t.test('what ships costs as much as OWASP wants', async (t) => {
  t.ok(SCRYPT_COST * SCRYPT_BLOCK * SCRYPT_PARALLEL >= 2 ** 14 * 8 * 5);
  const passwords = new ScryptPasswords();
  const hash = await passwords.hash('correct');
  t.match(hash, /^\$scrypt\$ln=14,r=8,p=5\$/);
  t.ok(await passwords.isOf('correct', hash));
});

t.test('a few are hashed at once, the others in line, and when that is long it is busy', async (t) => {
  const passwords = new ScryptPasswords({ cost: 1_024, block: 8, parallel: 1 });
  const hashes = Array.from({ length: HASHES_AT_ONCE + HASHES_WAITING - 1 }, () => passwords.hash('correct'));
  t.notOk(passwords.isBusy);
  const last = passwords.hash('correct');
  t.ok(passwords.isBusy);
  await Promise.all([...hashes, last]);
  t.notOk(passwords.isBusy);
  t.ok(await passwords.isOf('correct', await last));
});

t.test('a cost that cannot be is an error, and holds up nobody after it', async (t) => {
  const passwords = new ScryptPasswords({ cost: 3, block: 1, parallel: 1 });
  for (let time = 0; time <= HASHES_AT_ONCE; time++) await t.rejects(passwords.hash('correct'));
});
