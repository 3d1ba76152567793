// Package account knows the people who use the admin pages of a service: their names, roles, passwords and sessions. It alone
// knows the tables admin_user and sessions.
//
// A password is stored as argon2id, with its parameters. One hash takes 19 MiB, so a process computes only a few at the same
// time. Guesses are throttled by the user's name and by the client's address, in the memory of each instance.
//
// A session names its user and the user's epoch. The epoch grows when the password is set or the user is disabled. So every
// other session of the user ends at its next request, in every instance.
package account
