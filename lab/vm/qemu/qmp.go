package qemu

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// control is the connection to QEMU's monitor (QMP): JSON, one object a line.
// It is for one goroutine.
type control struct {
	conn *net.UnixConn
	dec  *json.Decoder
	seen []message // events that came while a command waited for its answer
}

// message is whatever QEMU sends: a greeting, an answer, or an event.
type message struct {
	QMP    json.RawMessage `json:"QMP"`
	Return json.RawMessage `json:"return"`
	Error  *struct {
		Desc string `json:"desc"`
	} `json:"error"`
	Event string `json:"event"`
	Data  struct {
		Status string `json:"status"` // of MIGRATION
	} `json:"data"`
}

// maxMessage bounds what one message may have; QEMU's are short.
const maxMessage = 1 << 20

func newControl(conn *net.UnixConn) *control {
	return &control{conn: conn, dec: json.NewDecoder(io.LimitReader(conn, 64*maxMessage))}
}

// until lets ctx's end interrupt what f waits for on the connection.
func (c *control) until(ctx context.Context, f func() error) error {
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	err := f()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (c *control) read() (message, error) {
	var m message
	err := c.dec.Decode(&m)
	if err != nil {
		return m, fmt.Errorf("QEMU's control connection: %w", err)
	}
	return m, nil
}

// greet opens the conversation.
func (c *control) greet(ctx context.Context) error {
	return c.until(ctx, func() error {
		m, err := c.read()
		if err != nil {
			return err
		}
		if m.QMP == nil {
			return fmt.Errorf("QEMU's control connection: no greeting")
		}
		_, err = c.exchange("qmp_capabilities", nil, nil)
		return err
	})
}

// do has QEMU execute a command.
func (c *control) do(ctx context.Context, command string, args any) error {
	return c.until(ctx, func() error {
		_, err := c.exchange(command, args, nil)
		return err
	})
}

// ask has QEMU answer a query into v.
func (c *control) ask(ctx context.Context, query string, v any) error {
	return c.until(ctx, func() error {
		answer, err := c.exchange(query, nil, nil)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(answer, v); err != nil {
			return fmt.Errorf("QEMU's answer to %s: %w", query, err)
		}
		return nil
	})
}

// give has QEMU keep a file under a name, for a migration.
func (c *control) give(ctx context.Context, name string, f *os.File) error {
	return c.until(ctx, func() error {
		_, err := c.exchange("getfd", map[string]string{"fdname": name}, unix.UnixRights(int(f.Fd())))
		return err
	})
}

func (c *control) exchange(command string, args any, rights []byte) (json.RawMessage, error) {
	b, err := json.Marshal(struct {
		Execute   string `json:"execute"`
		Arguments any    `json:"arguments,omitempty"`
	}{command, args})
	if err != nil {
		return nil, err
	}
	if _, _, err := c.conn.WriteMsgUnix(append(b, '\n'), rights, nil); err != nil {
		return nil, fmt.Errorf("QEMU's control connection: %w", err)
	}
	for {
		m, err := c.read()
		switch {
		case err != nil:
			return nil, err
		case m.Error != nil:
			return nil, fmt.Errorf("QEMU refuses %s: %s", command, m.Error.Desc)
		case m.Return != nil:
			return m.Return, nil
		case m.Event != "":
			c.seen = append(c.seen, m)
		}
	}
}

// event waits for an event that the caller accepts; others are dropped.
func (c *control) event(ctx context.Context, accept func(message) (bool, error)) error {
	return c.until(ctx, func() error {
		for {
			var m message
			if len(c.seen) > 0 {
				m, c.seen = c.seen[0], c.seen[1:]
			} else {
				var err error
				if m, err = c.read(); err != nil {
					return err
				}
			}
			if m.Event == "" {
				continue
			}
			if ok, err := accept(m); ok || err != nil {
				return err
			}
		}
	})
}

// migrated accepts the end of a migration.
func migrated(m message) (bool, error) {
	if m.Event != "MIGRATION" {
		return false, nil
	}
	switch m.Data.Status {
	case "completed":
		return true, nil
	case "failed", "cancelled":
		return false, fmt.Errorf("QEMU's migration %s", m.Data.Status)
	}
	return false, nil
}
