package fronttcp

import "sync"

// No caller waits longer than 25 s: few lost replies are still of use.
const maxReplies = 100

// replies keeps the newest replies by ask. One may be lost with its connection: it is sent again when its message comes again.
type replies struct {
	mu     sync.Mutex
	bodies map[string][]byte
	asks   []string
}

func (r *replies) keep(ask string, body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bodies == nil {
		r.bodies = map[string][]byte{}
	}
	if r.bodies[ask] == nil {
		r.asks = append(r.asks, ask)
	}
	r.bodies[ask] = body
	if len(r.asks) > maxReplies {
		delete(r.bodies, r.asks[0])
		r.asks = r.asks[1:]
	}
}

// Nil when there is none.
func (r *replies) of(ask string) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bodies[ask]
}
