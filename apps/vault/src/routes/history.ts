import { Type } from 'typebox';
import { answers, sendPage, sendText, type VaultServer, type VaultStores } from '../face.ts';
import { BySession, Deleted, Message, NewMessage, PageBySession } from '../schemas.ts';
import { messageText } from '../wire.ts';

const tags = ['history'];

export function historyRoutes(app: VaultServer, { conversations }: Pick<VaultStores, 'conversations'>): void {
  app.post(
    '/storage/history',
    { schema: { tags, summary: 'Add a message', body: NewMessage, response: answers(201, Message) } },
    async (request, reply) => {
      const { session_id, role, content, metadata } = request.body;
      const message = await conversations.append({ conversationId: session_id, role, content, metadata });
      return sendText(reply, 201, messageText(message));
    },
  );

  app.get(
    '/storage/history',
    {
      schema: {
        tags,
        summary: 'Get the newest messages of a session, the oldest of them first',
        description: 'The Link header leads to the messages before these.',
        querystring: PageBySession,
        response: answers(200, Type.Array(Message)),
      },
    },
    async (request, reply) => {
      const { session_id, limit, cursor } = request.query;
      return sendPage(request, reply, await conversations.history(session_id, { limit, cursor }), messageText);
    },
  );

  app.delete(
    '/storage/history',
    {
      schema: {
        tags,
        summary: 'Clear the history of a session',
        querystring: BySession,
        response: answers(200, Deleted),
      },
    },
    async (request, reply) => {
      const deleted = await conversations.clear(request.query.session_id);
      return sendText(reply, 200, `{"deleted":${deleted}}`);
    },
  );
}
