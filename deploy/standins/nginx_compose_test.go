//go:build compose

package main

import (
	"path/filepath"
	"slices"
	"testing"
)

func TestNginx(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{
		"root": nil,
		"a user, read-only": {"--user", "nginx", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
			"--tmpfs", "/tmp", "--tmpfs", "/run:uid=101,gid=101", "--tmpfs", "/var/cache/nginx:uid=101,gid=101",
			"--tmpfs", "/etc/nginx/conf.d:uid=101,gid=101"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			templates := t.TempDir()
			write(t, filepath.Join(templates, "shop.conf.template"), `server {
				listen 8080;
				location / { return 200 "${SHOP_GREETING} ${host}\n"; }
			}`, 0o644)
			c := start(t, nginxImage, append(slices.Clone(flags), "--volume", templates+":/etc/nginx/templates:ro",
				"--env", "SHOP_GREETING=welcome to", "--env", "host=overwritten", "--env", "NGINX_ENVSUBST_FILTER=^SHOP_")...)
			c.eventually(`curl -sf localhost:8080`)
			want(t, "the page", c.sh(`curl -s localhost:8080`), "welcome to localhost")
			want(t, "the access log", c.logs(), "curl/")
			c.stop()
		})
	}
}

func TestNginxGoesOnWithoutAFolderForTemplates(t *testing.T) {
	t.Parallel()
	templates := t.TempDir()
	write(t, filepath.Join(templates, "shop.conf.template"), `server { listen 8080; }`, 0o644)
	c := start(t, nginxImage, "--read-only", "--tmpfs", "/run", "--tmpfs", "/var/cache/nginx",
		"--volume", templates+":/etc/nginx/templates:ro")
	c.eventually(`curl -s localhost:80`)
	want(t, "the log", c.logs(), "/etc/nginx/conf.d is not writable")
	c.stop()
}

func TestNginxRunsScripts(t *testing.T) {
	t.Parallel()
	scripts := t.TempDir()
	write(t, filepath.Join(scripts, "1.envsh"), `export SHOP_NAME=corner`, 0o755)
	write(t, filepath.Join(scripts, "2.sh"), "#!/bin/sh\necho \"at the $SHOP_NAME\"", 0o755)
	write(t, filepath.Join(scripts, "3.sh"), "#!/bin/sh\nexit 1", 0o644) // ignored: it is not executable
	c := start(t, nginxImage, "--volume", scripts+":/docker-entrypoint.d:ro")
	c.eventually(`curl -sf localhost:80`)
	want(t, "the log", c.logs(), "at the corner")
	c.stop()
}
