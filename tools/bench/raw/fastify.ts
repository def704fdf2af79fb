// Fastify that does nothing: it answers {ok:true}, to a body after parsing it. The answer has a schema, Fastify's quickest form.
// Runs as a process of its own and prints where it listens.
import { fastify } from 'fastify';

const schema = {
  response: { 200: { type: 'object', properties: { ok: { type: 'boolean' } } } },
} as const;

const app = fastify();
app.get('/', { schema }, (_request, reply) => {
  void reply.send({ ok: true });
});
app.post('/', { schema }, (_request, reply) => {
  void reply.send({ ok: true });
});
app.put('/', { schema }, (_request, reply) => {
  void reply.send({ ok: true });
});

// Whoever started it is gone: so is its reason to run.
process.on('disconnect', () => process.exit());
process.stdout.write(`${await app.listen({ port: 0, host: '127.0.0.1' })}\n`);
