"""Tests of bs."""
