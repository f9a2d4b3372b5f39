// A receiver of webhooks on 127.0.0.1, for the tests. What it gets is verified by the Standard Webhooks specification's own library.
// One JSON argument: { secret }. Standard output, one JSON object a line: { event: "listening", port }, { event: "answer-set" } and, for
// each message, { event: "message", id, timestamp, body, verified, error, answer }.
// Standard input, one JSON object a line: how to answer from now on, { status, hang }. The end of standard input ends the receiver.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(JSON.parse(process.argv[2]).secret);
let answer = { status: 204, hang: false };

const say = (event) => process.stdout.write(JSON.stringify(event) + "\n");

function verify(body, headers) {
  try {
    webhook.verify(body, headers);
    return null;
  } catch (error) {
    return error.message;
  }
}

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks).toString("utf8");
    const error = verify(body, request.headers);
    say({
      event: "message",
      id: request.headers["webhook-id"],
      timestamp: request.headers["webhook-timestamp"],
      body,
      verified: error === null,
      error,
      answer: answer.hang ? 0 : answer.status,
    });
    if (!answer.hang) response.writeHead(answer.status).end();
  });
});

server.listen(0, "127.0.0.1", () => say({ event: "listening", port: server.address().port }));

createInterface({ input: process.stdin })
  .on("line", (line) => {
    answer = JSON.parse(line);
    say({ event: "answer-set" });
  })
  .on("close", () => process.exit());
