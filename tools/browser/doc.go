// Package browser looks at the services' pages with a real browser. It is a module of its own, so that what drives the
// browser is none of the product's dependencies.
package browser
