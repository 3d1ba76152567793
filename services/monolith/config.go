package monolith

import "github.com/monsplit/monsplit/internal/config"

// LoadConfig reads the monolith's settings from the environment. The error lists every fault of what is needed.
func LoadConfig(needs config.Needs) (config.Service, error) {
	return config.Load(config.Service{HTTPAddr: ":8000"}, needs)
}
