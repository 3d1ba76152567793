package account

import "fmt"

// Role says what a user may do. Each role includes the ones before it.
type Role string

// The roles.
const (
	Viewer Role = "viewer" // may look at everything but the users
	Editor Role = "editor" // may also change data
	Admin  Role = "admin"  // may also manage users
)

// Roles are all roles, the least powerful one first.
var Roles = []Role{Viewer, Editor, Admin}

var ranks = map[Role]int{Viewer: 1, Editor: 2, Admin: 3}

// Includes reports whether the role may do what the other one may do. An unknown role may do nothing.
func (r Role) Includes(other Role) bool { return ranks[other] > 0 && ranks[r] >= ranks[other] }

// ParseRole returns the role with this name.
func ParseRole(text string) (Role, error) {
	if _, ok := ranks[Role(text)]; !ok {
		return "", fmt.Errorf("%q is not a role: it must be viewer, editor or admin", text)
	}
	return Role(text), nil
}
