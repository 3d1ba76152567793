package main

import (
	"archive/tar"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// A buildContext is the stream of files that docker build reads. So no file has to be copied to a folder first.
type buildContext struct {
	tar *tar.Writer
}

// files adds the files of a recipe's folder. It makes scripts executable, because embedding does not keep modes.
func (c *buildContext) files(folder fs.FS) error {
	return fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(folder, name)
		if err != nil {
			return err
		}
		mode := int64(0o644)
		if strings.HasPrefix(string(data), "#!") || path.Ext(name) == ".envsh" {
			mode = 0o755
		}
		return c.file(name, mode, data)
	})
}

func (c *buildContext) file(name string, mode int64, data []byte) error {
	if err := c.tar.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(data))}); err != nil {
		return err
	}
	_, err := c.tar.Write(data)
	return err
}

// folder adds a folder of this machine, under another name.
func (c *buildContext) folder(name, source string) error {
	return filepath.WalkDir(source, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(source, file)
		if err != nil {
			return err
		}
		return c.entry(path.Join(name, filepath.ToSlash(relative)), file, entry)
	})
}

// entry adds one folder, link or file. Its owner becomes root.
func (c *buildContext) entry(name, file string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err = os.Readlink(file); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	header.Name, header.Uid, header.Gid, header.Uname, header.Gname = name, 0, 0, "", ""
	if err := c.tar.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
		return err
	}
	data, err := os.Open(file)
	if err != nil {
		return err
	}
	defer data.Close()
	_, err = io.Copy(c.tar, data)
	return err
}
