package monolith_test

import (
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/services/monolith"
)

func TestLegacySettings(t *testing.T) {
	t.Parallel()
	required := map[string]string{"DATABASE_URL": "postgres://db/monolith", "KAFKA_BROKERS": "a:9092"}
	tests := map[string]struct {
		set   map[string]string
		fault string // the variable; empty if the settings are valid
	}{
		"Defaults":    {nil, ""},
		"Off":         {map[string]string{"LEGACY_CATALOG_WRITES": "off"}, ""},
		"Perhaps":     {map[string]string{"LEGACY_CATALOG_WRITES": "perhaps"}, "LEGACY_CATALOG_WRITES"},
		"NoWait":      {map[string]string{"LEGACY_WRITE_WAIT": "0s"}, ""},
		"LongestWait": {map[string]string{"LEGACY_WRITE_WAIT": "10s"}, ""},
		"TooLong":     {map[string]string{"LEGACY_WRITE_WAIT": "10001ms"}, "LEGACY_WRITE_WAIT"},
		"Longer":      {map[string]string{"LEGACY_WRITE_WAIT": "15s", "HTTP_MAX_WAIT": "15s"}, ""},
		"Negative":    {map[string]string{"LEGACY_WRITE_WAIT": "-1s"}, "LEGACY_WRITE_WAIT"},
		"KeptLonger":  {map[string]string{"REQUEST_KEEP": "721h"}, ""},
		"KeptShorter": {map[string]string{"REQUEST_KEEP": "719h"}, "REQUEST_KEEP"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			variables := map[string]string{}
			for _, set := range []map[string]string{required, tt.set} {
				for variable, value := range set {
					variables[variable] = value
				}
			}
			cfg, err := config.LoadFrom(monolith.Defaults(), variables)
			if (err != nil) != (tt.fault != "") || err != nil && (!strings.Contains(err.Error(), "\n  "+tt.fault+" ") || strings.Count(err.Error(), "\n") != 1) {
				t.Errorf("error %v", err)
			}
			if name == "Defaults" && (cfg.Legacy.Writes != "on" || cfg.Legacy.Wait != 2*time.Second || cfg.Legacy.Keep != 720*time.Hour || cfg.Requests.Expiry != 7*24*time.Hour) {
				t.Errorf("defaults %+v", cfg.Legacy)
			}
		})
	}
}
