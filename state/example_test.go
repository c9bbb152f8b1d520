package state_test

import (
	"fmt"

	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/memstate"
)

// What a transaction has written is read at once, and forgotten when it fails.
func ExampleOverlay_undoATransaction() {
	db, err := memstate.New().Open("task-0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	overlay := state.NewOverlay(db)
	store := overlay.Open(1)

	store.Put([]byte("ann"), []byte("1"))
	overlay.Commit()
	store.Put([]byte("ann"), []byte("2"))
	value, found, err := store.Get(nil, []byte("ann"))
	fmt.Printf("%s %v %v\n", value, found, err)
	overlay.Reset()
	value, found, err = store.Get(nil, []byte("ann"))
	fmt.Printf("%s %v %v\n", value, found, err)
	// Output:
	// 2 true <nil>
	// 1 true <nil>
}

// What is committed goes to the database as one batch, each key once.
func ExampleOverlay_writeToTheDatabase() {
	engine := memstate.New()
	db, err := engine.Open("task-0")
	if err != nil {
		fmt.Println(err)
		return
	}
	overlay := state.NewOverlay(db)
	store := overlay.Open(1)
	for _, n := range []string{"1", "2", "3"} {
		store.Put([]byte("ann"), []byte(n))
		overlay.Commit()
	}

	batch := db.NewBatch()
	overlay.WriteTo(batch)
	if err := batch.Commit(); err != nil {
		fmt.Println(err)
	}
	overlay.Written()
	value, found, err := db.Get(nil, []byte("\x00\x01ann"))
	fmt.Printf("%s %v %v\n", value, found, err)
	fmt.Println(db.Close())
	// Output:
	// 3 true <nil>
	// <nil>
}

// A scan is in the order of bytes, and ends before its upper bound.
func ExampleStore_scanARange() {
	db, err := memstate.New().Open("task-0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	store := state.NewOverlay(db).Open(1)
	for _, key := range []string{"carl", "ann", "dora", "bob"} {
		store.Put([]byte(key), nil)
	}
	err = store.Scan([]byte("b"), []byte("d"), func(key, _ []byte) (bool, error) {
		fmt.Printf("%s\n", key)
		return true, nil
	})
	fmt.Println(err)
	// Output:
	// bob
	// carl
	// <nil>
}
