// Package access decides who may use the API of a service. It alone knows the table api_token.
//
//	request ─► Guard ─► below a guarded prefix? ─no──────────────────────► an anonymous caller
//	                      │ yes
//	                      ├─ no Authorization: in an allowed network? ─yes─► the network is the caller
//	                      └─ Bearer: Tokens.Find ─► request limit ─► scope ─► the token is the caller
//
// A token is a secret of 130 random bits. Only its SHA-256 is stored: nobody can guess that many bits, so a slow hash would gain
// nothing. The text begins with Prefix, so that a scanner finds secrets that were published by mistake.
//
// # The cache
//
// Tokens keeps all valid tokens in memory, at most maxTokens, and reads them again every refreshEvery. So a request with a valid
// token costs no query. A token that is not in memory may have been created a moment ago: its request waits until the tokens
// have been read again. All such requests share one query, at most one each refreshPause. So unknown tokens, however many, cost
// four small queries a second, on a connection of their own.
//
// Schedule: a token is revoked while an instance cannot reach the database. The instance would take the token forever. So what
// it read is worth nothing after maxAge, and its requests get 503. A revoked token is refused by every instance after
// refreshEvery, and after maxAge at the latest.
package access
