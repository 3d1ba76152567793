// Package adminui has the admin pages that every service has: sign-in, change of password, and users. The pages need no
// JavaScript.
//
// Every request to a page passes these steps, in this order:
//
//	http.CrossOriginProtection   a form of another site is refused
//	session                      the cookie names a session in the database
//	user                         read again for each request: a disabled user, or a session of an earlier epoch, is signed out
//	password                     a user with a password that the service has made up must choose another one first
//	role                         each route names the role that it needs
//
// The list of routes in site.go has the role of each page. Only the sign-in and the sign-out need none.
package adminui
