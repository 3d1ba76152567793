//go:build gateway

package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/freeport"
	"github.com/monsplit/monsplit/internal/testkit/services"
)

// options are the differences between a test's gateway and the real one.
type options struct {
	services endpoints                    // where the services listen at first; DNS does not know the others
	env      map[string]string            // overrides the settings in gateway.env
	edit     func(template string) string // changes the rendered template
}

// nginx is a running gateway with its own DNS server. It ends with the test.
type nginx struct {
	t       *testing.T
	dns     *dnsServer
	dir     string         // the folder in place of / in the container
	ports   map[int]string // the address of each of the gateway's ports: 8080, 8000, 8001
	process *exec.Cmd
	ended   chan struct{}
}

// setup starts a gateway.
func setup(t *testing.T, o options) *nginx {
	t.Helper()
	program := findNginx(t)
	n := &nginx{t: t, dns: startDNS(t)}
	for name, at := range o.services {
		n.dns.set(name, at.addresses...)
	}
	n.dir, n.ports = t.TempDir(), map[int]string{}
	for _, port := range gatewayPorts {
		n.ports[port] = freeport.Addr(t)
	}
	n.render(o)
	n.start(program)
	if !n.answers() {
		t.Fatalf("nginx does not start:\n%s", n.errors())
	}
	t.Cleanup(n.stop)
	return n
}

// gatewayPorts are the ports in the gateway's configuration. A test replaces each by a free one.
var gatewayPorts = []int{8080, 8000, 8001}

func findNginx(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"} {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	t.Fatal("the tests of the gateway need nginx 1.22 or newer: install it with \"apt-get install nginx-light\" (Debian, Ubuntu) or from https://nginx.org/en/download.html")
	return ""
}

// render writes the configuration as the image's start script does, with this machine's ports and paths.
func (n *nginx) render(o options) {
	n.t.Helper()
	env := settings(n.t)
	env["GATEWAY_RESOLVER"] = n.dns.addr
	for _, name := range services.Names(n.t) {
		env["GATEWAY_"+strings.ToUpper(name)] = fmt.Sprintf("%s:%d", name, max(o.services[name].port, 1))
	}
	env["GATEWAY_RATE"], env["GATEWAY_BURST"] = "1000000r/s", "1000000" // a test sends requests as fast as it can
	maps.Copy(env, o.env)
	page, err := filepath.Abs("page")
	if err != nil {
		n.t.Fatal(err)
	}
	places := strings.NewReplacer("/usr/share/nginx/gateway", page, "/dev/stdout", n.dir+"/access.log", " /tmp/", " "+n.dir+"/")
	for _, pattern := range []string{"nginx.conf", "snippets/*.conf", "templates/*.template"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			n.t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				n.t.Fatal(err)
			}
			content := places.Replace(string(text))
			if name, ok := strings.CutSuffix(filepath.Base(file), ".template"); ok {
				file, content = "conf.d/"+name, listenHere(substitute(content, env), n.ports)
				if o.edit != nil {
					content = o.edit(content)
				}
			}
			n.write(file, content)
		}
	}
}

func (n *nginx) write(file, content string) {
	n.t.Helper()
	file = filepath.Join(n.dir, file)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		n.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		n.t.Fatal(err)
	}
}

var envVariable = regexp.MustCompile(`\$\{GATEWAY_\w+\}|\$GATEWAY_\w+`)

// substitute replaces variables as envsubst does. It leaves a variable that is not set as it is.
func substitute(text string, env map[string]string) string {
	return envVariable.ReplaceAllStringFunc(text, func(found string) string {
		if value, ok := env[strings.Trim(found, "${}")]; ok {
			return value
		}
		return found
	})
}

// listenHere replaces the gateway's ports.
func listenHere(text string, ports map[int]string) string {
	for port, addr := range ports {
		text = strings.Replace(text, fmt.Sprintf("listen %d;", port), "listen "+addr+";", 1)
	}
	return text
}

func (n *nginx) start(program string) {
	n.t.Helper()
	directives := "daemon off;"
	if os.Getuid() == 0 {
		directives += " user root;" // other users cannot enter the test's folder
	}
	log, err := os.Create(filepath.Join(n.dir, "error.log"))
	if err != nil {
		n.t.Fatal(err)
	}
	defer log.Close()
	n.process = exec.CommandContext(context.WithoutCancel(n.t.Context()), program,
		"-p", n.dir, "-c", filepath.Join(n.dir, "nginx.conf"), "-g", directives)
	n.process.Stderr, n.process.SysProcAttr = log, dieWithParent()
	if err := n.process.Start(); err != nil {
		n.t.Fatal(err)
	}
	process, ended := n.process, make(chan struct{})
	n.ended = ended
	go func() {
		defer close(ended)
		_ = process.Wait() // the error log has the reason
	}()
}

// answers waits until nginx answers, and reports whether it does.
func (n *nginx) answers() bool {
	deadline, tick := time.After(20*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for {
		if n.healthy() {
			return true
		}
		select {
		case <-tick.C:
		case <-n.ended:
			return false
		case <-deadline:
			n.stop()
			return false
		}
	}
}

func (n *nginx) healthy() bool {
	req, err := http.NewRequestWithContext(n.t.Context(), http.MethodGet, "http://"+n.ports[8080]+"/healthz", http.NoBody)
	if err != nil {
		return false
	}
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == 200
}

var serious = regexp.MustCompile(`\[(emerg|alert|crit)\]`)

// stop ends nginx, and fails the test if nginx had a serious problem meanwhile.
func (n *nginx) stop() {
	n.t.Helper()
	if err := n.process.Process.Signal(syscall.SIGTERM); err != nil {
		n.t.Error(err)
	}
	select {
	case <-n.ended:
	case <-time.After(20 * time.Second):
		_ = n.process.Process.Kill()
		n.t.Errorf("nginx does not stop")
	}
	for line := range strings.Lines(n.errors()) {
		// nginx waits for a port that is in use, and ends if it does not become free. setup handles that.
		if serious.MatchString(line) && !strings.Contains(line, "Address already in use") {
			n.t.Errorf("nginx logged %s", line)
		}
	}
}

// errors returns the error log.
func (n *nginx) errors() string {
	text, err := os.ReadFile(filepath.Join(n.dir, "error.log"))
	if err != nil {
		n.t.Error(err)
	}
	return string(text)
}

// accessLog returns the complete lines of the access log.
func (n *nginx) accessLog() [][]byte {
	text, err := os.ReadFile(filepath.Join(n.dir, "access.log"))
	if err != nil {
		n.t.Error(err)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	return lines[:len(lines)-1]
}
