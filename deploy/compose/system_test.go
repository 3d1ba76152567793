//go:build compose

package compose

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/services"
)

// The number of records in the sample data.
const sampleProducts, sampleMarkets, sampleEntries = 234, 249, 657

// TestSystem builds the images, starts the system, causes faults, and removes everything. Each part depends on the parts
// before it.
func TestSystem(t *testing.T) {
	t.Parallel()
	s := newStack(t, installed(t)[0])
	for _, part := range []struct {
		name string
		run  func(*stack)
	}{
		{"Images", (*stack).images},
		{"FromCleanToSampleData", (*stack).fromCleanToSampleData},
		{"Addresses", (*stack).addresses},
		{"KafkaForTools", (*stack).kafkaForTools},
		{"Hardening", (*stack).hardening},
		{"DatabasesAreApart", (*stack).databasesAreApart},
		{"ClientAddress", (*stack).clientAddress},
		{"Tour", (*stack).tour},
		{"NothingWentWrongSoFar", (*stack).nothingWentWrongSoFar},
		{"KafkaAway", (*stack).kafkaAway},
		{"CopiesKilled", (*stack).copiesKilled},
		{"StoresKilled", (*stack).storesKilled},
		{"Scaled", (*stack).scaled},
		{"SampleComesOnce", (*stack).sampleComesOnce},
		{"StopAndStart", (*stack).stopAndStart},
	} {
		if !t.Run(part.name, func(t *testing.T) {
			of := *s
			of.t = t
			part.run(&of)
		}) {
			t.FailNow()
		}
	}
	volumes := s.volumes()
	if len(volumes) != 2 {
		t.Errorf("data is in the volumes %q, want one of PostgreSQL and one of Kafka", volumes)
	}
	s.must("down", "--volumes")
	for _, kind := range []string{"container", "network", "volume"} {
		args := []string{kind, "ls", "--quiet", "--filter", "label=com.docker.compose.project=" + s.project}
		if kind == "container" {
			args = append(args, "--all")
		}
		if left := docker(t, args...); left != "" {
			t.Errorf("something of the kind %s was not removed:\n%s", kind, left)
		}
	}
	for left := range strings.FieldsSeq(docker(t, "volume", "ls", "--quiet")) {
		if slices.Contains(volumes, left) {
			t.Errorf("the volume %s was not removed", left)
		}
	}
}

// Every version of Docker Compose on this machine finds the same services in the file.
func TestEveryComposeReadsTheFile(t *testing.T) {
	t.Parallel()
	project := load(t, nil)
	for _, command := range installed(t) {
		s := &stack{t: t, command: command, project: "monsplit-read"}
		s.must("config", "--quiet")
		s.must("--file", persistent, "config", "--quiet")
		read := strings.Fields(s.must("config", "--services"))
		slices.Sort(read)
		if want := project.ServiceNames(); !slices.Equal(read, want) {
			t.Errorf("%s reads the services %q, want %q", command, read, want)
		}
	}
}

func (s *stack) images() {
	s.must("build")
	const most = 45 << 20
	for _, name := range services.Names(s.t) {
		image := inspect(s.t, "monsplit/"+name+":test")
		s.t.Logf("%s: %.1f MB", name, float64(image.Size)/1e6)
		if image.Size > most {
			s.t.Errorf("%s has %d bytes, at most %d are allowed", name, image.Size, most)
		}
		if image.Config.User != "65532:65532" {
			s.t.Errorf("%s runs as %q", name, image.Config.User)
		}
		if health := image.Config.Healthcheck; health == nil || !slices.Equal(health.Test, []string{"CMD", "/" + name, "healthcheck"}) {
			s.t.Errorf("%s is checked by %+v", name, health)
		}
		for label, want := range map[string]string{
			"source": "https://github.com/monsplit/monsplit", "version": "test", "revision": "0123abc", "licenses": "Apache-2.0",
		} {
			if got := image.Config.Labels["org.opencontainers.image."+label]; got != want {
				s.t.Errorf("%s: the label %s is %q, want %q", name, label, got, want)
			}
		}
		if out := docker(s.t, "run", "--rm", "--read-only", "--network", "none", "monsplit/"+name+":test", "version"); out != name+" test\n" {
			s.t.Errorf("%s: its version is %q", name, out)
		}
		s.billOfMaterials(name)
	}
}

// billOfMaterials checks that an image has the list of what it is made of.
func (s *stack) billOfMaterials(name string) {
	container := strings.TrimSpace(docker(s.t, "create", "monsplit/"+name+":test"))
	defer docker(s.t, "rm", container)
	file := filepath.Join(s.t.TempDir(), "sbom.cdx.json")
	docker(s.t, "cp", container+":/sbom.cdx.json", file)
	text, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	var bill struct {
		BOMFormat string
		Metadata  struct {
			Component struct{ Version, PURL string }
		}
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal(text, &bill); err != nil || bill.BOMFormat != "CycloneDX" {
		s.t.Fatalf("%s: the bill of materials is no CycloneDX: %v, %.200s", name, err, text)
	}
	if of := bill.Metadata.Component; of.Version != "test" || !strings.HasSuffix(of.PURL, "#cmd/"+name) {
		s.t.Errorf("%s: the bill of materials is of %+v", name, of)
	}
	versions := map[string]string{}
	for _, component := range bill.Components {
		versions[component.Name] = component.Version
	}
	for _, module := range []string{"std", "github.com/jackc/pgx/v5", "github.com/labstack/echo/v4", "github.com/segmentio/kafka-go"} {
		if versions[module] == "" {
			s.t.Errorf("%s: the bill of materials does not name %s", name, module)
		}
	}
}

func (s *stack) fromCleanToSampleData() {
	began := time.Now()
	s.must("up", "--detach", "--no-build")
	up := time.Since(began)
	s.awaitSample()
	took := time.Since(began)
	s.t.Logf("up after %.1f s, the sample data is there after %.1f s", up.Seconds(), took.Seconds())
	most := 30 * time.Second * time.Duration(len(services.Names(s.t)))
	if took > most {
		s.t.Errorf("the sample data came after %s, at most %s are allowed", took, most)
	}
}

// awaitSample waits until the monolith has the whole sample: its own products, and the copies of markets and entries.
func (s *stack) awaitSample() {
	s.t.Helper()
	for path, want := range map[string]int{
		"/api/v1/product?include_discontinued=true": sampleProducts, "/api/v1/market": sampleMarkets, "/api/v1/catalog": sampleEntries,
	} {
		eventually(s.t, path, func() error {
			found, err := s.list(path)
			if err == nil && len(found) != want {
				err = fmt.Errorf("%d items, want %d", len(found), want)
			}
			return err
		})
	}
}

// addresses checks the addresses of the original demo, and that internal endpoints are hidden.
func (s *stack) addresses() {
	type address struct {
		port, path string
		want       int
		contains   string
	}
	all := []address{
		{"MONOLITH_PORT", "/api/v1/product", 200, `"product_uuid"`},
		{"MONOLITH_PORT", "/api/v1/catalog", 200, `"availability_date"`},
		{"MONOLITH_PORT", "/docs", 200, "swagger"},
		{"CATALOG_PORT", "/catalog/api/v1", 200, `"market"`},
		{"CATALOG_PORT", "/catalog/docs", 200, "swagger"},
		{"GATEWAY_PORT", "/", 200, "/catalog/docs"},
		{"GATEWAY_PORT", "/api/v1/product", 200, `"product_uuid"`},
		{"GATEWAY_PORT", "/catalog/api/v1", 200, `"market"`},
		{"GATEWAY_PORT", "/healthz", 200, "ok"},
		{"GATEWAY_PORT", "/metrics", 404, "problems/not-found"},
		{"MONOLITH_PORT", "/readyz", 404, "problems/not-found"},
		{"CATALOG_PORT", "/catalog/livez", 404, "problems/not-found"},
	}
	for service, path := range copies(s.t) {
		all = append(all, address{"GATEWAY_PORT", path, 200, `"product_uuid"`}, address{"GATEWAY_PORT", "/" + service + "/docs", 200, "swagger"},
			address{"GATEWAY_PORT", "/" + service + "/livez", 404, "problems/not-found"})
	}
	for _, tt := range all {
		status, text, err := s.askAt(tt.port, http.MethodGet, tt.path, nil)
		if err != nil || status != tt.want || !strings.Contains(string(text), tt.contains) {
			s.t.Errorf("%s %s: %d, want %d with %q (%v)", tt.port, tt.path, status, tt.want, tt.contains, err)
		}
	}
}

// kafkaForTools checks that tools on this machine reach Kafka, and that they can use every compression.
func (s *stack) kafkaForTools() {
	ends, err := s.ends()
	if err != nil || len(ends) != event.Partitions {
		s.t.Errorf("a client on this machine gets the partition ends %v, %v", ends, err)
	}
	tool := func(input, name string, args ...string) {
		line := append([]string{"exec", "-i", "-e", "KAFKA_HEAP_OPTS=-Xmx128m", s.container("kafka"), "/opt/kafka/bin/" + name,
			"--bootstrap-server", "kafka:9092", "--topic", "scratch"}, args...)
		cmd := exec.CommandContext(s.t.Context(), "docker", line...)
		cmd.Stdin = strings.NewReader(input)
		if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "ERROR") {
			s.t.Errorf("%s %v: %v\n%s", name, args, err, out)
		}
	}
	tool("", "kafka-topics.sh", "--create")
	for _, codec := range []string{"gzip", "snappy", "lz4", "zstd"} {
		tool("a record\n", "kafka-console-producer.sh", "--compression-codec", codec)
	}
	tool("", "kafka-topics.sh", "--delete")
}

// ends returns the end offset of each partition of the products' topic.
func (s *stack) ends() ([]int64, error) {
	client, err := broker.New(broker.Config{Brokers: []string{"127.0.0.1:" + s.env["KAFKA_PORT"]}}, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	const topic = "monsplit.product.v1"
	partitions, err := client.Partitions(ctx, topic)
	ends := make([]int64, partitions)
	for i := range ends {
		if err == nil {
			ends[i], err = client.EndOffset(ctx, broker.TopicPartition{Topic: topic, Partition: i})
		}
	}
	return ends, err
}

// hardening checks the rights of the running containers.
func (s *stack) hardening() {
	for _, service := range load(s.t, nil).ServiceNames() {
		host := inspect(s.t, s.container(service)).HostConfig
		if !host.ReadonlyRootfs || !slices.Equal(host.CapDrop, []string{"ALL"}) || !slices.Contains(host.SecurityOpt, "no-new-privileges:true") {
			s.t.Errorf("%s has more rights than it needs: %+v", service, host)
		}
		if strings.HasSuffix(service, "-import") { // it has ended
			continue
		}
		for line := range strings.Lines(docker(s.t, "top", s.container(service), "-eo", "uid,pid")) {
			if strings.Fields(line)[0] == "0" {
				s.t.Errorf("%s has a process that runs as root", service)
			}
		}
	}
	for _, service := range []string{"gateway", "postgres", "kafka"} { // the other images have no program that could write
		if out := s.try("exec", "-T", service, "touch", "/tried"); !strings.Contains(out, "Read-only file system") {
			s.t.Errorf("%s can write to its image: %s", service, out)
		}
	}
}

func (s *stack) databasesAreApart() {
	names := services.Names(s.t)
	for i, role := range names {
		other := names[(i+1)%len(names)]
		own, others := "demo-only-"+role, "demo-only-"+other
		for _, tt := range []struct{ database, password, want string }{
			{role, own, "let in"},
			{role, others, "password authentication failed"},
			{other, own, "permission denied"},
			{"postgres", own, "permission denied"},
			{"template1", own, "permission denied"},
		} {
			// The host is not 127.0.0.1, because connections from the same machine need no password.
			out := s.try("exec", "-T", "-e", "PGPASSWORD="+tt.password, "postgres",
				"psql", "--host", "postgres", "--username", role, "--dbname", tt.database, "--command", "SELECT 'let in'")
			if !strings.Contains(out, tt.want) {
				s.t.Errorf("%s connects to %s: want %q, got\n%s", role, tt.database, tt.want, out)
			}
		}
	}
}

// clientAddress checks that the service logs the address that the gateway saw, and not the one that the client claims.
func (s *stack) clientAddress() {
	for _, service := range services.Names(s.t) {
		path := lists(s.t, service)[0] + "?limit=1"
		id := "forged-" + service
		if status, _, err := s.ask(http.MethodGet, path, nil, "X-Request-Id", id, "X-Forwarded-For", "6.6.6.6"); err != nil || status != 200 {
			s.t.Fatalf("%d, %v", status, err)
		}
		eventually(s.t, "the request is in the log of "+service, func() error {
			for line := range strings.Lines(s.must("logs", "--no-color", service)) {
				if !strings.Contains(line, id) {
					continue
				}
				if strings.Contains(line, "6.6.6.6") || strings.Contains(line, `"remote":"`+s.env["GATEWAY_ADDRESS"]) || !strings.Contains(line, `"remote":"`) {
					s.t.Errorf("the log does not have the client's address: %s", line)
				}
				return nil
			}
			return fmt.Errorf("there is no line with %s", id)
		})
	}
}

// nothingWentWrongSoFar checks that no service has logged an error before the tests cause faults. Warnings are allowed: a
// new Kafka does not know the coordinator of a group at once.
func (s *stack) nothingWentWrongSoFar() {
	ours := slices.Sorted(maps.Keys(containersOf(load(s.t, nil))))
	for line := range strings.Lines(s.must(append([]string{"logs", "--no-color"}, ours...)...)) {
		if strings.Contains(line, `"level":"ERROR"`) {
			s.t.Errorf("logged: %s", line)
		}
	}
}
