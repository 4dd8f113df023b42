/** The statements of accounts, as `statements` has those of leases. */

const LIVING = 'ends_at > :now';

export const ACCOUNT_STATEMENTS = {
  alikeAccounts: `SELECT * FROM account WHERE network = :network AND (folded_name = :foldedName OR skeleton = :skeleton) AND ${LIVING}
                    ORDER BY id`,
  accountCount: 'SELECT count(*) AS count FROM account WHERE network = :network',
  insertAccount: `INSERT INTO account VALUES (:id, :network, :name, :foldedName, :skeleton, :passwordHash, :now, 0, 0, :endsAt) RETURNING *`,
  accountNamed: `SELECT * FROM account WHERE network = :network AND folded_name = :foldedName AND ${LIVING}`,
  accounts: `SELECT * FROM account WHERE network = :network AND ${LIVING} ORDER BY id`,
  accountsAfter: `SELECT * FROM account WHERE network = :network AND folded_name > :after AND ${LIVING} ORDER BY folded_name LIMIT :limit`,
  changeAccount: `UPDATE account SET ends_at = coalesce(:endsAt, ends_at), online_until = coalesce(:onlineUntil, online_until),
                    logged_in_at = coalesce(:loggedInAt, logged_in_at), password_hash = coalesce(:passwordHash, password_hash)
                  WHERE id = :id AND ${LIVING} RETURNING *`,
  expireAccounts: 'DELETE FROM account WHERE network = :network AND ends_at <= :now RETURNING *',
  beginSession: 'INSERT INTO account_session VALUES (:tokenHash, :id, :expiresAt, :order)',
  endOldSessions: `DELETE FROM account_session WHERE account = :id AND begun_order <=
                     (SELECT begun_order FROM account_session WHERE account = :id ORDER BY begun_order DESC LIMIT 1 OFFSET :limit)`,
  accountOfSession: `SELECT account.* FROM account JOIN account_session ON account_session.account = account.id
                     WHERE token_hash = :tokenHash AND expires_at > :now AND network = :network AND ${LIVING}`,
  endSession: 'DELETE FROM account_session WHERE token_hash = :tokenHash',
  endSessions: 'DELETE FROM account_session WHERE account = :id AND token_hash <> :kept',
  tried: 'SELECT * FROM attempt WHERE network = :network AND tried_key = :key',
  tryAgain: `INSERT INTO attempt VALUES (:network, :key, :count, :lastAt, :order)
             ON CONFLICT (network, tried_key) DO UPDATE SET count = excluded.count, last_at = excluded.last_at,
               last_order = excluded.last_order`,
  forgetOldAttempts: `DELETE FROM attempt WHERE network = :network AND last_order <=
                        (SELECT last_order FROM attempt WHERE network = :network ORDER BY last_order DESC LIMIT 1 OFFSET :limit)`,
  forgetAttempts: 'DELETE FROM attempt WHERE network = :network AND tried_key = :key',
  takeAttemptBack: 'UPDATE attempt SET count = count - 1 WHERE network = :network AND tried_key = :key',
  forgetNoAttempts: 'DELETE FROM attempt WHERE network = :network AND tried_key = :key AND count = 0',
} as const;
