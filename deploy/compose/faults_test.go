//go:build compose

package compose

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/services"
)

// tour makes the tour of docs/deploy.md: it creates, lists, renames and discontinues a product.
func (s *stack) tour() {
	p := s.createProduct("Walnut desk")
	s.awaitCopy("Walnut desk")
	s.change(http.MethodPost, "/catalog/api/v1",
		object{"product": p["product_uuid"], "market": "DE", "availability_date": "2026-01-01"}, http.StatusCreated)
	legacy := "/api/v1/catalog?product=" + number(p["id"])
	entry := func(what string, ok func(object) bool) {
		eventually(s.t, what, func() error {
			found, err := s.list(legacy)
			if err == nil && (len(found) != 1 || !ok(found[0])) {
				err = fmt.Errorf("the legacy API has %v", found)
			}
			return err
		})
	}
	entry("the monolith has the entry", func(e object) bool { return e["availability_end_date"] == nil })
	s.patchProduct(p, object{"name": "Walnut desk 160"})
	s.awaitCopy("Walnut desk 160")
	s.patchProduct(p, object{"discontinued": true})
	entry("the monolith has the end date of the entry", func(e object) bool { return e["availability_end_date"] != nil })
}

// healthOfAll waits until what every service says begins like this.
func (s *stack) healthOfAll(want string) {
	s.t.Helper()
	for _, service := range services.Names(s.t) {
		eventually(s.t, service+" says "+want, func() error {
			if out := s.try("exec", "-T", service, "/"+service, "healthcheck"); !strings.HasPrefix(out, want) {
				return fmt.Errorf("it says %s", out)
			}
			return nil
		})
	}
}

func (s *stack) awaitAllHealthy() {
	s.t.Helper()
	for _, service := range services.Names(s.t) {
		s.awaitHealthy(service)
	}
}

// kafkaAway stops Kafka. Meanwhile the APIs work, and the services report "degraded". Afterwards all changes arrive.
func (s *stack) kafkaAway() {
	s.must("stop", "kafka")
	const n = 20
	for i := range n {
		s.createProduct(fmt.Sprintf("Without Kafka %02d", i))
	}
	s.healthOfAll("degraded: kafka: it")
	s.awaitAllHealthy() // a degraded service still takes requests
	s.must("start", "kafka")
	for i := range n {
		s.awaitCopy(fmt.Sprintf("Without Kafka %02d", i))
	}
	s.healthOfAll("ready")
}

// copiesKilled kills each service that has a copy of the products. Meanwhile the gateway answers with a problem. After the
// restart the service catches up.
func (s *stack) copiesKilled() {
	// Nothing answers at the service's address (504) for as long as the gateway remembers it. Then there is no address (502).
	problems := map[int]string{http.StatusBadGateway: "bad-gateway", http.StatusGatewayTimeout: "gateway-timeout"}
	for service, path := range copies(s.t) {
		s.kill(service)
		s.createProduct("While the " + service + " was dead")
		status, text, err := s.ask(http.MethodGet, path, nil)
		if problem := problems[status]; err != nil || problem == "" || !strings.Contains(string(text), "monsplit.github.io/problems/"+problem) {
			s.t.Errorf("without the %s the gateway answers %d, %v\n%s", service, status, err, text)
		}
		s.must("start", service)
		s.awaitCopy("While the " + service + " was dead")
		s.awaitHealthy(service)
	}
}

// storesKilled checks that PostgreSQL and Kafka keep their data over a crash and a restart.
func (s *stack) storesKilled() {
	for _, step := range []struct {
		service, how string
		end          func(service string)
	}{
		{"postgres", "killed", s.kill},
		{"kafka", "killed", s.kill},
		{"postgres", "restarted", func(service string) { s.must("restart", service) }},
	} {
		before, after := "Before "+step.service+" is "+step.how, "After "+step.service+" is "+step.how
		s.createProduct(before)
		s.awaitCopy(before)
		ends, err := s.ends()
		if err != nil {
			s.t.Fatal(err)
		}
		step.end(step.service)
		s.must("start", step.service)
		s.awaitHealthy(step.service)
		s.awaitLog(ends)
		eventually(s.t, "products can be created", func() error {
			status, text, err := s.ask(http.MethodPost, "/api/v1/product", object{"name": after, "product_category": "Tests"})
			// A conflict means that an attempt without an answer has created the product.
			if err == nil && status != http.StatusCreated && status != http.StatusConflict {
				err = fmt.Errorf("the answer is %d: %s", status, text)
			}
			return err
		})
		s.awaitCopy(after)
	}
	s.healthOfAll("ready")
}

// awaitLog waits until Kafka answers, and checks that no record before these ends is lost.
func (s *stack) awaitLog(before []int64) {
	s.t.Helper()
	var now []int64
	eventually(s.t, "Kafka answers", func() (err error) { now, err = s.ends(); return err })
	for i, end := range before {
		if now[i] < end {
			s.t.Errorf("partition %d ended at %d and ends at %d now: records are lost", i, end, now[i])
		}
	}
}

// scaled runs two instances of each service, which share the work. Then it kills one of each.
func (s *stack) scaled() {
	up := []string{"up", "--detach", "--no-build", "--no-recreate"}
	for _, service := range services.Names(s.t) {
		up = append(up, "--scale", service+"=2")
	}
	s.must(up...)
	s.awaitAllHealthy()
	asked := map[string]int{}
	eventually(s.t, "both instances of the monolith get requests", func() error {
		if status, text, err := s.ask(http.MethodGet, "/api/v1/market?limit=1", nil, "X-Request-Id", "scaled"); err != nil || status != 200 {
			return fmt.Errorf("%d, %w: %s", status, err, text)
		}
		for _, id := range s.containers("monolith") {
			asked[id] = strings.Count(logs(s.t, id), `"request_id":"scaled"`)
		}
		for _, n := range asked {
			if n == 0 {
				return fmt.Errorf("requests by instance: %v", asked)
			}
		}
		return nil
	})
	for i := range 20 {
		s.createProduct(fmt.Sprintf("Scaled %02d", i))
	}
	for _, service := range services.Names(s.t) {
		ids := s.containers(service)
		if len(ids) != 2 {
			s.t.Fatalf("%s has %d containers", service, len(ids))
		}
		docker(s.t, "kill", "--signal", "KILL", ids[0])
	}
	for i := range 20 {
		s.awaitCopy(fmt.Sprintf("Scaled %02d", i))
	}
	s.must("up", "--detach", "--no-build", "--no-recreate")
	s.awaitAllHealthy()
}

// sampleComesOnce checks that changes and deletions of sample data survive the next `up`.
func (s *stack) sampleComesOnce() {
	sample, err := s.list("/api/v1/product?limit=2")
	if err != nil || len(sample) != 2 {
		s.t.Fatalf("%d products, %v", len(sample), err)
	}
	path := "/api/v1/product/" + number(sample[0]["id"])
	s.change(http.MethodDelete, path, nil, http.StatusNoContent)
	s.patchProduct(sample[1], object{"name": "Renamed"})
	skipped := func(service string) int { return strings.Count(s.must("logs", "--no-color", service), "skipped") }
	before := map[string]int{}
	for _, service := range load(s.t, nil).ServiceNames() {
		if strings.HasSuffix(service, "-import") {
			before[service] = skipped(service)
		}
	}
	s.must("up", "--detach", "--no-build", "--no-recreate")
	for service := range before {
		eventually(s.t, service+" ends", func() error {
			state := inspect(s.t, s.container(service)).State
			if state.Status != "exited" || state.ExitCode != 0 {
				return fmt.Errorf("it is %s, code %d", state.Status, state.ExitCode)
			}
			return nil
		})
		if skipped(service) <= before[service] {
			s.t.Errorf("%s did not skip the sample:\n%s", service, s.must("logs", "--no-color", service))
		}
	}
	if renamed, err := s.list("/api/v1/product?search=Renamed"); err != nil || len(renamed) != 1 {
		s.t.Errorf("%d products have the new name, %v", len(renamed), err)
	}
	if status, _, err := s.ask(http.MethodGet, path, nil); err != nil || status != http.StatusNotFound {
		s.t.Errorf("the deleted product is back: %d, %v", status, err)
	}
}

// stopAndStart checks that all services stop cleanly within their grace period, and that all data is there afterwards.
func (s *stack) stopAndStart() {
	before, err := s.list("/api/v1/product")
	if err != nil {
		s.t.Fatal(err)
	}
	ends, err := s.ends()
	if err != nil {
		s.t.Fatal(err)
	}
	began := time.Now()
	s.must("stop")
	s.t.Logf("stopped after %.1f s", time.Since(began).Seconds())
	for _, service := range load(s.t, nil).ServiceNames() {
		for _, id := range s.containers(service) {
			code := inspect(s.t, id).State.ExitCode
			javaOnSIGTERM := service == "kafka" && code == 143
			if code != 0 && !javaOnSIGTERM {
				s.t.Errorf("%s ended with code %d", service, code)
			}
		}
	}
	s.must("start")
	eventually(s.t, "all products are back", func() error {
		after, err := s.list("/api/v1/product")
		if err == nil && !slices.EqualFunc(before, after, func(a, b object) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
			err = fmt.Errorf("%d products before, %d after", len(before), len(after))
		}
		return err
	})
	s.awaitLog(ends)
	s.createProduct("After the stop")
	s.awaitCopy("After the stop")
}
