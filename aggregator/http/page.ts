/** The page: its document at every place that it has, its script and style sheet beside it. Nothing of the cluster. */
import type { FastifyInstance, FastifyPluginCallback, FastifyReply } from 'fastify';
import { assetPath, pagePaths } from './access/open-paths.ts';
import { problem, sendProblem } from './errors.ts';
import { pageFiles } from './page-files.ts';

/** Scripts of this origin alone, and no markup out of strings. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const types: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

const notBuilt = `The page was not built: run npm start or npm test once, or node scripts/build-page.js. The API is at /api/v1.
`;

/** The routes of the page. */
export const page: FastifyPluginCallback = (app, _options, done) => {
  const files = pageFiles();
  const document = files.get('index.html');
  for (const path of pagePaths) {
    app.get(path, { schema: { hide: true } }, (_request, reply) => sendDocument(reply, document));
  }
  addAssets(app, files);
  done();
};

function sendDocument(reply: FastifyReply, document: Buffer | undefined): FastifyReply {
  void reply.header('content-security-policy', policy);
  if (document === undefined) return reply.type('text/plain; charset=utf-8').send(notBuilt);
  return reply.type('text/html; charset=utf-8').send(document);
}

/** A fixed list of names: no path of the file system is ever made of a request. */
function addAssets(app: FastifyInstance, files: ReadonlyMap<string, Buffer>): void {
  app.get(assetPath, { schema: { hide: true } }, (request, reply) => {
    const { file } = Object(request.params);
    const name = String(file);
    const content = name === 'index.html' ? undefined : files.get(name);
    const type = types[name.slice(name.lastIndexOf('.') + 1)];
    if (content === undefined || type === undefined) {
      return sendProblem(
        reply,
        problem('no-such-path', 'The page has no such file. Load it anew: it may be of another version.'),
      );
    }
    // A name with a digest stands for one content; the icon has none.
    const keep = /-[A-Z0-9]{8}\./.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache';
    return reply.header('cache-control', keep).type(type).send(content);
  });
}
