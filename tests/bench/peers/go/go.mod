module beamcore/bench

go 1.18
