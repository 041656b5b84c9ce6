package backendtest

import "testing"

// Cleanup removes everything, may be called again, and works for a Backend
// that made none of it.
func (s *suite) cleanup(t *testing.T) {
	b := s.backend(t)
	clean(t, b) // over nothing
	was := s.dump(t)
	for _, cleaner := range []string{"the same", "a fresh"} {
		sync(t, b, before())
		if s.dump(t) == was {
			t.Fatal("Sync changed nothing that Dump shows")
		}
		c := b
		if cleaner == "a fresh" {
			c = s.backend(t)
		}
		for range 2 {
			clean(t, c)
			if is := s.dump(t); is != was {
				t.Errorf("%s Backend left\n%s\nwant\n%s", cleaner, is, was)
			}
		}
		for unit, n := range objects(t, c) {
			if n != 0 {
				t.Errorf("%s Backend left %d %s", cleaner, n, unit)
			}
		}
		unserved(t, before().Services, s.client())
	}
	// And it can start again.
	sync(t, b, before())
	served(t, b, before(), s.client(), s.clientAddr())
}

// What others put into the kernel stays, through Sync and Cleanup.
func (s *suite) foreign(t *testing.T) {
	b := s.backend(t)
	none := s.dump(t)
	remove, err := s.expect.Foreign(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := remove(); err != nil {
			t.Error(err)
		}
	})
	was := s.dump(t)
	if was == none {
		t.Fatal("Foreign put nothing there that Dump shows")
	}
	sync(t, b, before())
	count := objects(t, b)
	served(t, b, before(), s.client(), s.clientAddr())
	sync(t, b, after())
	sync(t, b, before())
	for unit, n := range objects(t, b) {
		if count[unit] != n {
			t.Errorf("%d %s, want %d", n, unit, count[unit])
		}
	}
	clean(t, b)
	if is := s.dump(t); is != was {
		t.Errorf("before\n%s\nafter Sync and Cleanup\n%s", was, is)
	}
}
