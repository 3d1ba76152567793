// Package browser tests the services' pages with a real browser. It is a separate module, so that the product does not depend on
// the library that controls the browser.
package browser
