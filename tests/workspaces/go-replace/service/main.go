// Command service prints what its library says.
package main

import (
	"fmt"

	"example.com/lib"
)

func main() { fmt.Println(lib.Text()) }
