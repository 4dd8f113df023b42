/** Checks what comes against its schema, as Fastify wants it done; a path and a query, which are texts, become numbers where those are meant. */
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { FloodmeshError } from '../../errors.ts';

/** Most faults that are told of: of ten thousand wrong items, the first few say enough. */
const FAULTS_TOLD = 3;

export const checking: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const validator = Compile(schema);
  return (came: unknown) => {
    const value = httpPart === 'body' ? came : validator.Convert(came);
    if (validator.Check(value)) return { value };
    const faults = validator.Errors(value).slice(0, FAULTS_TOLD);
    const told = faults.map(({ instancePath, message }) => `${httpPart}${instancePath} ${message}`);
    return { error: new FloodmeshError('USAGE', told.join('; '), 'see /v1/docs') };
  };
};
