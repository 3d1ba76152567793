package pgserver

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the user that the server runs as.
type account struct {
	name     string
	uid, gid int
	other    bool // the account is not the one that this process runs as
}

// serverAccount returns the account of this process. For root it returns another account, because PostgreSQL refuses root.
func serverAccount() (account, error) {
	if os.Geteuid() != 0 {
		return account{uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(u.Uid)
		gid, errGID := strconv.Atoi(u.Gid)
		if errUID == nil && errGID == nil {
			return account{name: name, uid: uid, gid: gid, other: true}, nil
		}
	}
	return account{}, fmt.Errorf("PostgreSQL does not run as root, and the users \"postgres\" and \"nobody\" do not exist: " +
		"start this as an ordinary user")
}

// give makes the account the owner of a file or folder.
func (a account) give(path string) error {
	if !a.other {
		return nil
	}
	if err := os.Chown(path, a.uid, a.gid); err != nil {
		return fmt.Errorf("give %s to user %s: %w", path, a.name, err)
	}
	return nil
}

// canReach returns an error unless the account may enter every folder on the path to dir.
func (a account) canReach(dir string) error {
	if !a.other {
		return nil
	}
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return err
		}
		mode, owner := info.Mode().Perm(), info.Sys().(*syscall.Stat_t)
		open := mode&0o001 != 0 || int(owner.Uid) == a.uid && mode&0o100 != 0 || int(owner.Gid) == a.gid && mode&0o010 != 0
		if !open {
			return fmt.Errorf("PostgreSQL does not run as root, so it runs as user %s, who may not enter %s: choose another data folder, or start this as an ordinary user",
				a.name, at)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

// attributes returns the attributes of a child process that runs as the account and ends with this process.
func (a account) attributes() *syscall.SysProcAttr {
	attributes := diesWithParent()
	if a.other {
		attributes.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	// Ctrl-C in a terminal reaches the whole foreground group. So the server is in another group: this process stops it after
	// the parts that use it.
	attributes.Setpgid = true
	return attributes
}
