// wire-types.mjs write|check: the TypeScript declarations of the wire schema's JSON form, from Sources/Wire/Proto.
//
// Reads only the parts of the protobuf language that the schema uses, and fails on everything else.

import { readFileSync, writeFileSync } from "node:fs";

const folder = new URL("../Sources/Wire/Proto/", import.meta.url);
const schema = ["ringback.proto", "rest.proto"].map((name) => new URL(name, folder));
const target = new URL("../Sources/WebClient/library/wire-schema.d.ts", import.meta.url);

/**
 * How canonical protobuf JSON writes what is no message and no enumeration of ours.
 * @type {Record<string, string>}
 */
const scalars = {
  string: "string",
  bool: "boolean",
  uint32: "number",
  // 64 bits are more than a number of JavaScript holds.
  uint64: "string",
  "google.protobuf.Timestamp": "string",
};

/**
 * JSON leaves out what has the default value. These never have it: the server, or the client, always says them.
 * @type {Record<string, string[]>}
 */
const alwaysThere = {
  CallParticipant: ["user"],
  CallIncoming: ["call"],
  CallUpdated: ["call"],
  CallRingStopped: ["call"],
  CallMoved: ["call"],
  CallRecord: ["call_id"],
  CallSummary: ["call_id"],
  Contact: ["user"],
  Credentials: ["user", "access_token"],
  Error: ["code"],
  GroupInvitation: ["conversation_id", "inviter"],
  InvitationReceived: ["invitation"],
  MessageReceived: ["message"],
  Message: ["conversation_id"],
  Call: ["status"],
  CallState: ["status"],
  ParticipantShown: ["user_id"],
  ScreenShare: ["sharer_id"],
  ScreenShareRecord: ["sharer_id"],
  Session: ["device"],
  ...Object.fromEntries(
    [
      "CallRinging CallAccept CallDecline CallCancel CallHangUp CallMove CallJoin CallAdd CallHold CallRaiseHand",
      "CallSetRole CallStopMedia CallRemove CallLock CallAdmit CallEnd CallFetch CallSetMedia SendDescription",
      "SendCandidate StartScreenShare StopScreenShare OfferUnanswered MediaStopped JoinDenied DescriptionReceived",
      "CandidateReceived CallChanged CallGone",
    ]
      .join(" ")
      .split(" ")
      .map((message) => [message, ["call_id"]]),
  ),
};

/** @param {string} name in the schema */
const jsonName = (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());

/**
 * @param {string} message
 * @param {string} repeated
 * @param {string} type
 * @param {string} name
 */
function field(message, repeated, type, name) {
  const known = scalars[type] ?? (/^[A-Z]\w*$/.test(type) ? type : null);
  if (!known) throw new Error(`${message}.${name} is of a type that has no place here: ${type}`);
  const isCertain = (type === "string" && name === "id") || alwaysThere[message]?.includes(name);
  return `    ${jsonName(name)}${isCertain ? "" : "?"}: ${known}${repeated ? "[]" : ""};`;
}

/**
 * The declarations of a schema.
 * @param {string[]} files the text of each
 * @returns {string}
 */
export function declarations(files) {
  const out = [
    "// Made by scripts/wire-types.mjs from Sources/Wire/Proto: the wire schema in canonical protobuf JSON.",
    "",
    "declare namespace Wire {",
  ];
  for (const text of files) {
    /** @type {string | null} */
    let message = null;
    let isEnumeration = false;
    for (const [index, raw] of text.split("\n").entries()) {
      const line = raw.replace(/\/\/.*$/, "").trim();
      if (!line || /^(syntax|package|import|option) /.test(line)) continue;
      const opening = /^(message|enum|oneof) (\w+) \{(\})?$/.exec(line);
      const member = /^(repeated |optional )?([\w.]+) (\w+) = \d+;$/.exec(line);
      const value = /^(\w+) = \d+;$/.exec(line);
      if (opening && opening[1] === "oneof" && message) continue;
      if (opening && opening[1] !== "oneof" && !message) {
        isEnumeration = opening[1] === "enum";
        if (out.length > 3) out.push("");
        out.push(isEnumeration ? `  type ${opening[2]} =` : `  interface ${opening[2]} {`);
        if (opening[3]) out.push("  }");
        else message = opening[2];
      } else if (message && isEnumeration && value) out.push(`    | "${value[1]}"`);
      else if (message && !isEnumeration && member) {
        out.push(field(message, member[1] === "repeated " ? "[]" : "", member[2], member[3]));
      } else if (line === "}" && message) {
        // A oneof is indented.
        if (raw.startsWith(" ")) continue;
        out.push(isEnumeration ? `${out.pop()};` : "  }");
        message = null;
      } else throw new Error(`line ${index + 1} of the schema is not understood: ${raw}`);
    }
    if (message) throw new Error(`${message} has no end`);
  }
  return `${out.join("\n")}\n}\n`;
}

/** What the declarations have to be. */
export const wanted = () => declarations(schema.map((url) => readFileSync(url, "utf8")));
/** What they are. */
export const present = () => readFileSync(target, "utf8");

if (process.argv[2] === "write") writeFileSync(target, wanted());
if (process.argv[2] === "check" && wanted() !== present()) {
  console.error("error: wire-schema.d.ts does not match the schema: run make generate");
  process.exitCode = 1;
}
