package monolith_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/services/monolith"
)

// People watch changes for as long as the service runs. Streams take no place among the lists, and more time than a request may
// take. The stop of the service ends them in order: nothing is cut off, and nothing stays behind (TestMain).
func TestStreamsOfChangesEndWithTheService(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	s := start(t, kafka.Addr, func(cfg *monolith.Config) {
		cfg.Admin = account.Settings{Demo: true, Lifetime: time.Hour, Idle: time.Hour}
		cfg.Admission.Lists = 1
	})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	send := func(method, path, form string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	kafkatest.Eventually(t, "the user admin can sign in", func() bool {
		res := send(http.MethodPost, "/admin/sign-in", "name=admin&password=pass")
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK && res.Request.URL.Path == "/admin"
	})
	streams := make([]*bufio.Reader, 3) // the last one is not read until the end
	for i := range streams {
		res := send(http.MethodGet, "/admin/journey/stream", "")
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("stream %d: %d", i, res.StatusCode)
		}
		streams[i] = bufio.NewReader(res.Body)
	}
	if status, text := s.call(http.MethodPost, "/api/v1/product", chair); status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	for i, stream := range streams[:2] {
		for {
			line, err := stream.ReadString('\n')
			if err != nil {
				t.Fatalf("stream %d has ended: %v", i, err)
			}
			if strings.Contains(line, "product created") && strings.Contains(line, "sent (partition") {
				break
			}
		}
	}
	if status, _ := s.call(http.MethodGet, "/api/v1/product?limit=1", ""); status != http.StatusOK {
		t.Errorf("a list beside the streams: %d", status)
	}
	s.end()
	for i, stream := range streams {
		if _, err := io.ReadAll(stream); err != nil {
			t.Errorf("stream %d was cut off: %v", i, err)
		}
	}
}
