import assert from "node:assert/strict";
import { test } from "node:test";
import { items } from "@monsplit/client";
import { createMonolithClient } from "@monsplit/client/monolith";
import { answered, json, type MonolithClient } from "./answered.js";

const names = async (client: MonolithClient) => {
  const found = [];
  for await (const { name } of items((at) => client.GET("/api/v1/product", { params: { query: at } }))) found.push(name);
  return found;
};

/** An empty page with this Link header. */
const page = (link?: string) => new Response("[]", { headers: link === undefined ? json : { ...json, Link: link } });

test("a list reads only the pages that are used", async () => {
  const answer = () => new Response("[1, 2]", { headers: { ...json, Link: `</api/v1/product?cursor=c${requests.length}&limit=2>; rel="next"` } });
  const requests: string[] = [];
  const client = createMonolithClient({ baseUrl: "http://shop.example", fetch: async (r) => (requests.push(r.url), answer()) });
  let n = 0;
  for await (const _ of items((at) => client.GET("/api/v1/product", { params: { query: { ...at, search: "a b" } } }))) {
    if (++n === 3) break;
  }
  assert.deepEqual(requests, ["http://shop.example/api/v1/product?limit=200&search=a%20b", "http://shop.example/api/v1/product?limit=200&cursor=c1&search=a%20b"]);
});

test("the next page is found in any Link header", async () => {
  const headers: Record<string, string | undefined> = {
    "": undefined,
    " , ": undefined,
    '</p?cursor=abc&limit=2>; rel="next"': "abc",
    '</p?cursor=abc>; title="a, b"; REL=next': "abc",
    '</p?cursor=abc>;; crossorigin ; title="\\"; rel=prev" ; rel = "next"': "abc",
    '</first>; rel="first", </p?cursor=a%2Bb>; rel="prefetch NEXT"': "a+b",
    '</p?cursor=no>; rel="prev", </p?cursor=yes,2>; title="x"; rel="next"': "yes,2",
    '</p?cursor=no>; title="; rel=next"; rel="prev"': undefined,
    '</p?cursor=no>; title="\\"; rel=next"; rel="prev"': undefined,
    "</style.css>; rel=preload; as=style": undefined,
    '<https://shop.example/p?cursor=abc>; rel="next"': "abc",
    '</p?cursor=abc>; rel="next", and this is none': "abc",
  };
  for (const [link, cursor] of Object.entries(headers)) {
    const { client, requests } = answered(page(link), page());
    assert.deepEqual(await names(client), []);
    assert.equal(requests.length, cursor === undefined ? 1 : 2, link);
    if (cursor !== undefined) assert.equal(new URL(requests[1]!.url).searchParams.get("cursor"), cursor, link);
  }
});

test("a list that ends early ends with an error", async () => {
  const answers: Record<string, Response> = {
    "no cursor": page('</p?page=2>; rel="next"'),
    "no target": page('<http://[>; rel="next"'),
    "not a list": new Response('{"items": []}', { headers: json }),
    "no answer": new Response(null, { status: 503 }),
  };
  for (const link of [
    "next", '/p?cursor=a; rel="next"', '</p?cursor=a; rel="next"', '</p?cursor=a>; rel="next', '</p?cursor=a> rel="next"',
    '</p?cursor=a> </p?cursor=b>; rel="next"', '</first>; rel="first"; </p?cursor=b>; rel="next"', "</p?cursor=a>; rel=",
  ]) answers[link] = page(link);
  for (const [name, answer] of Object.entries(answers)) await assert.rejects(names(answered(answer).client), Error, name);
});

test("a list with a link back to a page ends with an error", async () => {
  const next = (cursor: string) => page(`</p?cursor=${cursor}>; rel="next"`);
  for (const cursors of ["aa", "aba", "abcdb"]) {
    const { client, requests } = answered(...[...cursors].map(next), page());
    await assert.rejects(names(client), /already been read/, cursors);
    assert.equal(requests.length, cursors.length);
  }
});

// A header has at most about 16 KiB. The server may be hostile.
test("every Link header is parsed quickly", async () => {
  for (const part of ["<a>;", "; a = b", ";a ", "; a=\"", ";  =x", "<", " ,", '<a>; b="c" d']) {
    const { client } = answered(page("<a>" + part.repeat(16_000 / part.length)));
    const begin = performance.now();
    await names(client).catch(() => {});
    assert.ok(performance.now() - begin < 1000, part);
  }
});
