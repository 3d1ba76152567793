// Package deploy holds how the system is run as a team would run it: docker-compose, the gateway, and their tests. It is a
// module of its own, because what the tests need must not become a dependency of the services.
package deploy
