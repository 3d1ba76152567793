import { createMonolithClient } from "@monsplit/client/monolith";

export const json = { "Content-Type": "application/json" };
export const problemJSON = { "Content-Type": "application/problem+json; charset=utf-8" };

/** A client of the monolith whose requests get these answers in turn. The last answer is repeated. */
export function answered(...answers: Response[]) {
  const requests: Request[] = [];
  const client = createMonolithClient({
    baseUrl: "http://shop.example/legacy/",
    fetch: async (request) => {
      requests.push(request);
      return (answers.length > 1 ? answers.shift() : answers[0]?.clone())!;
    },
  });
  return { client, requests };
}

export type MonolithClient = ReturnType<typeof answered>["client"];

export const product = (client: MonolithClient) => client.GET("/api/v1/product/{id}", { params: { path: { id: 7 } } });
