import t from 'tap';
import { MemoryAccounts } from '../../../lib/registry/stores/memory-accounts.ts';
import { accountStorePromises } from '../../suites/account-store.ts';

accountStorePromises(t, () => ({ accounts: new MemoryAccounts(), close: async () => undefined }));
