// Package adminui has the admin pages that every service has: sign-in, change of password, and users. It also has the style
// that all pages for browsers share. The pages need no JavaScript.
//
// Every request to a page passes these steps, in this order:
//
//	http.CrossOriginProtection   a form of another site is refused
//	session                      the cookie names a session in the database
//	user                         read again for each request: a disabled user, or a session of an earlier epoch, is signed out
//	role                         each route names the role that it needs
//
// A route without a role cannot be added: site.page takes the role.
package adminui
