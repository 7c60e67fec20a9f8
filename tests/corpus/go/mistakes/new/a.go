package p

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

func get(u string) ([]byte, error) {
	resp, err := http.Get(u)
	defer resp.Body.Close()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(resp.Body)
}

func count(words []string) map[string]int {
	var seen map[string]int
	for _, w := range words {
		seen[w]++
	}
	return seen
}

func save(path string, v any) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := json.Marshal(v)
	f.Write(data)
	return nil
}

func names(db *sql.DB) ([]string, error) {
	rows, err := db.Query("SELECT name FROM t")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var n string
		rows.Scan(&n)
		out = append(out, n)
	}
	return out, nil
}

func all(urls []string) []string {
	var wg sync.WaitGroup
	var out []string
	for _, u := range urls {
		wg.Add(1)
		go func() {
			defer wg.Done()
			b, _ := get(u)
			out = append(out, string(b))
		}()
	}
	wg.Wait()
	return out
}

func wait(ch chan int) int {
	for {
		select {
		case v := <-ch:
			return v
		default:
		}
	}
}

func copyLock(mu sync.Mutex) {
	mu.Lock()
	defer mu.Unlock()
}

func timeout() {
	time.Sleep(5)
}

type T struct{ n int }

func (t T) Inc() { t.n++ }

func find(items []T, n int) *T {
	for _, it := range items {
		if it.n == n {
			return &it
		}
	}
	return nil
}

func must(v string) int {
	var n int
	fmt.Sscanf(v, "%d", &n)
	return n
}

func conv(v any) string {
	return v.(string)
}
