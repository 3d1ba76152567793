package compose

import (
	"context"
	"maps"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/services"
)

const (
	top        = "../.."
	file       = top + "/docker-compose.yml"
	persistent = "persistent.yml"
)

// load reads the compose file as Docker Compose does. A key that the schema does not know is an error.
func load(t *testing.T, variables map[string]string, files ...string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions(append([]string{file}, files...), cli.WithName("monsplit"), cli.WithWorkingDirectory(top),
		func(o *cli.ProjectOptions) error { o.Environment = maps.Clone(variables); return nil })
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// containersOf maps each container that runs one of our binaries to its service. The image has the name of the service.
func containersOf(project *types.Project) map[string]string {
	containers := map[string]string{}
	for name, s := range project.Services {
		if image, ok := strings.CutPrefix(s.Image, "monsplit/"); ok {
			containers[name], _, _ = strings.Cut(image, ":")
		}
	}
	return containers
}

// Every service has all that it needs here: an image, a container, a database of its own, and the gateway.
func TestEveryServiceIsDeployed(t *testing.T) {
	t.Parallel()
	project := load(t, nil)
	containers, databases, dockerfile := containersOf(project), read(t, "databases.sh"), read(t, top+"/Dockerfile")
	for _, service := range services.Names(t) {
		if containers[service] != service {
			t.Errorf("the container %s runs %q", service, containers[service])
		}
		if _, waits := project.Services["gateway"].DependsOn[service]; !waits {
			t.Errorf("the gateway does not wait for %s", service)
		}
		if line := "\nservice_database " + service + ` "$` + passwordOf(service) + "\"\n"; !strings.Contains(databases, line) {
			t.Errorf("databases.sh does not have the line %s", line)
		}
		if line := "\nFROM service AS " + service + "\n"; !strings.Contains(dockerfile, line) {
			t.Errorf("the Dockerfile does not have the line %s", line)
		}
	}
	for container, service := range containers {
		if !slices.Contains(services.Names(t), service) {
			t.Errorf("%s runs the service %q, which does not exist", container, service)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// passwordOf returns the variable with the password of a service's database.
func passwordOf(service string) string { return strings.ToUpper(service) + "_DB_PASSWORD" }

func environment(s types.ServiceConfig) map[string]string {
	values := map[string]string{}
	for name, value := range s.Environment {
		if value != nil {
			values[name] = *value
		}
	}
	return values
}

// defaults returns the only setting whose default is different for each service.
func defaults() config.Common { return config.Common{HTTP: httpserver.Settings{Addr: ":1"}} }

// A service knows every variable that is set for it, every required variable is set, and all values are valid.
func TestServicesKnowTheirSettings(t *testing.T) {
	t.Parallel()
	project := load(t, nil)
	var known []string
	for _, v := range config.Variables(config.Common{}) {
		known = append(known, v.Name)
	}
	for container, service := range containersOf(project) {
		set := environment(project.Services[container])
		for name := range set {
			if !slices.Contains(known, name) {
				t.Errorf("%s has the variable %s, which no service reads", container, name)
			}
		}
		cfg, err := config.LoadFrom(defaults(), set)
		if err != nil {
			t.Errorf("%s: %v", container, err)
			continue
		}
		if !strings.Contains(cfg.Database.URL, "//"+service+":") || !strings.Contains(cfg.Database.URL, "/"+service+"?") {
			t.Errorf("%s uses the database %s", container, postgres.MaskedURL(cfg.Database.URL))
		}
		if cfg.Kafka.ReplicationFactor != 1 || cfg.Kafka.MinInSyncReplicas != 1 {
			t.Errorf("%s wants more replicas than there are brokers", container)
		}
	}
}

// The services trust the gateway's address and no other address.
func TestOnlyTheGatewayIsTrusted(t *testing.T) {
	t.Parallel()
	for name, variables := range map[string]map[string]string{
		"by default": nil,
		"elsewhere":  {"GATEWAY_ADDRESS": "10.9.8.7", "MONSPLIT_SUBNET": "10.9.8.0/24", "MONSPLIT_IP_RANGE": "10.9.8.128/25"},
	} {
		project := load(t, variables)
		gateway, err := netip.ParseAddr(project.Services["gateway"].Networks["monsplit"].Ipv4Address)
		if err != nil {
			t.Fatal(err)
		}
		pool := project.Networks["monsplit"].Ipam.Config[0]
		if !netip.MustParsePrefix(pool.Subnet).Contains(gateway) {
			t.Errorf("%s: the gateway's address %s is not in the network %s", name, gateway, pool.Subnet)
		}
		if netip.MustParsePrefix(pool.IPRange).Contains(gateway) {
			t.Errorf("%s: another container may get the gateway's address %s", name, gateway)
		}
		for service := range containersOf(project) {
			cfg, err := config.LoadFrom(defaults(), environment(project.Services[service]))
			if err != nil || cfg.HTTP.TrustedProxies.String() != gateway.String()+"/32" {
				t.Errorf("%s: %s trusts %s (%v), the gateway is %s", name, service, cfg.HTTP.TrustedProxies, err, gateway)
			}
		}
	}
}

func TestImagesHaveVersions(t *testing.T) {
	t.Parallel()
	builders := map[string]string{}
	version := regexp.MustCompile(`^(postgres:\d+\.\d+|apache/kafka:\d+\.\d+\.\d+|nginx:\d+\.\d+\.\d+|monsplit/[a-z]+:7\.6)$`)
	project := load(t, map[string]string{"MONSPLIT_VERSION": "7.6"})
	containers := containersOf(project)
	for name, s := range project.Services {
		if !version.MatchString(s.Image) {
			t.Errorf("%s has the image %s", name, s.Image)
		}
		if build := s.Build; build != nil {
			if build.Target != containers[name] || *build.Args["VERSION"] != "7.6" {
				t.Errorf("%s is built as %s, version %s", name, build.Target, *build.Args["VERSION"])
			}
			if other := builders[s.Image]; other != "" { // builds of one image at the same time can fail
				t.Errorf("%s and %s both build %s", name, other, s.Image)
			}
			builders[s.Image] = name
		}
	}
	if distinct := slices.Compact(slices.Sorted(maps.Values(containers))); len(builders) != len(distinct) {
		t.Errorf("images are built by %v, want one for each service", builders)
	}
}

// Only this machine can reach the ports, and each port can be changed.
func TestPorts(t *testing.T) {
	t.Parallel()
	published := func(variables map[string]string) (list []string) {
		for _, s := range load(t, variables).Services {
			for _, port := range s.Ports {
				if port.HostIP != "127.0.0.1" {
					t.Errorf("%s publishes a port on %q", s.Name, port.HostIP)
				}
				list = append(list, s.Name+" "+port.Published)
			}
		}
		slices.Sort(list)
		return list
	}
	if got, want := published(nil), []string{"gateway 8000", "gateway 8001", "gateway 8080", "kafka 9092"}; !slices.Equal(got, want) {
		t.Errorf("the published ports are %q, want %q", got, want)
	}
	others := map[string]string{"MONOLITH_PORT": "1", "CATALOG_PORT": "2", "GATEWAY_PORT": "3", "KAFKA_PORT": "4"}
	if got, want := published(others), []string{"gateway 1", "gateway 2", "gateway 3", "kafka 4"}; !slices.Equal(got, want) {
		t.Errorf("the published ports are %q, want %q", got, want)
	}
	if told := *load(t, others).Services["kafka"].Environment["KAFKA_ADVERTISED_LISTENERS"]; !strings.HasSuffix(told, "localhost:4") {
		t.Errorf("Kafka tells clients to use %s", told)
	}
}

func TestContainersAreHardened(t *testing.T) {
	t.Parallel()
	for name, s := range load(t, nil).Services {
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || len(s.CapAdd) > 0 || s.Privileged ||
			!slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) {
			t.Errorf("%s has more rights than it needs", name)
		}
		if s.MemLimit <= 0 || s.PidsLimit <= 0 {
			t.Errorf("%s has no limit of memory or processes", name)
		}
		if s.Restart != "" {
			t.Errorf("%s has a restart policy: services wait by themselves, and a restart would hide faults", name)
		}
	}
}

// Docker waits longer for the stop of a service than the service's own limit.
func TestGracePeriods(t *testing.T) {
	t.Parallel()
	project := load(t, nil)
	for name := range containersOf(project) {
		cfg, err := config.LoadFrom(defaults(), environment(project.Services[name]))
		if err != nil {
			t.Fatal(err)
		}
		if grace := project.Services[name].StopGracePeriod; grace == nil || time.Duration(*grace) <= cfg.Shutdown.Grace {
			t.Errorf("%s is killed after %v, its SHUTDOWN_GRACE is %s", name, grace, cfg.Shutdown.Grace)
		}
	}
}

// A service waits for the health checks of the services that it needs. No service waits for an import.
func TestDependencies(t *testing.T) {
	t.Parallel()
	project := load(t, nil)
	containers := containersOf(project)
	for name, s := range project.Services {
		for on, dependency := range s.DependsOn {
			if strings.HasSuffix(on, "-import") || dependency.Condition != types.ServiceConditionHealthy {
				t.Errorf("%s waits for %s to be %s", name, on, dependency.Condition)
			}
		}
		imports := strings.HasSuffix(name, "-import")
		checked := containers[name] != "" || s.HealthCheck != nil && len(s.HealthCheck.Test) > 1
		if disabled := s.HealthCheck != nil && s.HealthCheck.Disable; disabled != imports || !checked {
			t.Errorf("%s has no health check, or an import has one", name)
		}
	}
}

// The data is in anonymous volumes, which are removed with their containers. persistent.yml gives them names.
func TestVolumes(t *testing.T) {
	t.Parallel()
	data := map[string]string{"postgres": "/var/lib/postgresql/data", "kafka": "/var/lib/kafka/data"}
	for name, s := range load(t, nil).Services {
		for _, v := range s.Volumes {
			if v.Source != "" && !v.ReadOnly {
				t.Errorf("%s writes to %s", name, v.Source)
			}
		}
		for _, dir := range s.Tmpfs {
			if where, _, _ := strings.Cut(dir, ":"); where == data[name] {
				t.Errorf("%s keeps its data in memory", name)
			}
		}
	}
	project := load(t, nil, persistent)
	for name, dir := range data {
		named := slices.ContainsFunc(project.Services[name].Volumes, func(v types.ServiceVolumeConfig) bool {
			return v.Type == types.VolumeTypeVolume && v.Source == name && v.Target == dir
		})
		if _, declared := project.Volumes[name]; !named || !declared {
			t.Errorf("%s does not keep its data in a named volume", name)
		}
	}
}

// Each default password contains the word "demo", and is the password of one account only.
func TestDefaultPasswordsSayWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	defaults := load(t, nil).Services["postgres"].Environment
	passwords := map[string]string{"POSTGRES_PASSWORD": "a1"}
	for _, service := range services.Names(t) {
		passwords[passwordOf(service)] = "b2-" + service
	}
	chosen := load(t, passwords)
	used := map[string]bool{}
	for name, password := range passwords {
		if used[*defaults[name]] || !strings.Contains(*defaults[name], "demo") {
			t.Errorf("%s is %q by default", name, *defaults[name])
		}
		used[*defaults[name]] = true
		if got := *chosen.Services["postgres"].Environment[name]; got != password {
			t.Errorf("%s is %q", name, got)
		}
	}
	for container, service := range containersOf(chosen) {
		password := passwords[passwordOf(service)]
		if url := *chosen.Services[container].Environment["DATABASE_URL"]; !strings.Contains(url, ":"+password+"@") {
			t.Errorf("%s does not use its password", container)
		}
	}
}

// docker-compose 1.29 refuses a name and a start_interval. Engine 20.10 cannot build a Dockerfile that needs BuildKit.
func TestNothingTooNew(t *testing.T) {
	t.Parallel()
	for path, refused := range map[string]string{
		file: `(?m)^name:|start_interval|^\s*(configs|secrets|include):`, persistent: `(?m)^name:`,
		top + "/Dockerfile": `(?mi)^#\s*syntax\s*=|--mount=|<<`,
	} {
		if found := regexp.MustCompile(refused).FindString(read(t, path)); found != "" {
			t.Errorf("%s has %q", path, found)
		}
	}
}
