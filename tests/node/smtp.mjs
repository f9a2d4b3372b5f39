// A real SMTP receiver on 127.0.0.1, for the tests. One JSON argument: { starttls, keyFile, certificateFile, user, password, ascii }.
// Standard output, one JSON object a line: { event: "listening", port }, { event: "fault-set" } and, for each message,
// { event: "mail", from, to, raw (base64), encrypted, user, international, acknowledged }.
// With `ascii` it does not announce SMTPUTF8.
// Standard input, one JSON object a line: a fault { at: "connect" | "sender" | "recipient" | "message", count, code, drop, text }:
// the next `count` times, answer `code` there, with `text` if there is one, or drop the connection. A message whose connection is dropped was taken: only the
// answer is lost. The end of standard input ends the receiver.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { SMTPServer } from "smtp-server";

const options = JSON.parse(process.argv[2] ?? "{}");
let fault;

const say = (event) => process.stdout.write(JSON.stringify(event) + "\n");

function takeFault(at) {
  if (fault?.at !== at || fault.count === 0) return undefined;
  fault.count--;
  return fault;
}

function drop(session) {
  for (const connection of server.connections) {
    if (connection.id === session.id) connection._socket.destroy();
  }
}

function answer(at, session, callback) {
  const injected = takeFault(at);
  if (injected?.drop) return drop(session);
  if (injected) return callback(refusal(injected));
  callback();
}

const refusal = ({ code, text }) =>
  Object.assign(new Error(text ? text : code < 500 ? "Try again later (injected)" : "Refused (injected)"), { responseCode: code });

const server = new SMTPServer({
  authOptional: !options.user,
  allowInsecureAuth: !options.starttls,
  disabledCommands: [...(options.starttls ? [] : ["STARTTLS"]), ...(options.user ? [] : ["AUTH"])],
  key: options.keyFile && readFileSync(options.keyFile),
  cert: options.certificateFile && readFileSync(options.certificateFile),
  hideSMTPUTF8: Boolean(options.ascii),
  disableReverseLookup: true,
  logger: false,
  onConnect: (session, callback) => answer("connect", session, callback),
  onAuth: (auth, session, callback) =>
    auth.username === options.user && auth.password === options.password
      ? callback(null, { user: auth.username })
      : callback(Object.assign(new Error("Invalid user or password"), { responseCode: 535 })),
  onMailFrom: (address, session, callback) => answer("sender", session, callback),
  onRcptTo: (address, session, callback) => answer("recipient", session, callback),
  onData(stream, session, callback) {
    const chunks = [];
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.on("end", () => {
      const injected = takeFault("message");
      if (injected && !injected.drop) return callback(refusal(injected));
      say({
        event: "mail",
        from: session.envelope.mailFrom ? session.envelope.mailFrom.address : "",
        to: session.envelope.rcptTo.map((recipient) => recipient.address),
        raw: Buffer.concat(chunks).toString("base64"),
        encrypted: Boolean(session.secure),
        user: session.user ?? null,
        international: Boolean(session.envelope.smtpUtf8),
        acknowledged: !injected,
      });
      injected ? drop(session) : callback();
    });
  },
});

server.on("error", (error) => process.stderr.write(`${error.message}\n`));
server.listen(0, "127.0.0.1", () => say({ event: "listening", port: server.server.address().port }));

createInterface({ input: process.stdin })
  .on("line", (line) => {
    fault = JSON.parse(line);
    say({ event: "fault-set" });
  })
  .on("close", () => process.exit());
