import t from 'tap';
import { ACCOUNTS } from '../../../lib/config.ts';
import { MemoryAccounts } from '../../../lib/registry/stores/memory-accounts.ts';
import { accountStorePromises, boundedAttempts, registered, registrationOf } from '../../suites/account-store.ts';

const open = () => ({ accounts: new MemoryAccounts(), close: async () => undefined });

accountStorePromises(t, open);
boundedAttempts(t, open);

t.test('a network that has as many accounts as it may takes no more until one ends', async (t) => {
  const { accounts } = open();
  await registered(accounts, registrationOf('first', { endsAt: 10 }));
  for (let number = 1; number < ACCOUNTS; number++) await accounts.register(registrationOf(`n${number}`, { endsAt: 20 }), 0);
  t.same(await accounts.register(registrationOf('last'), 0), { type: 'full' });
  t.match(await accounts.register(registrationOf('last'), 10), { type: 'registered' });
});
