package Selkies::X;

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Drives t/lib/xclient.c, or another program of its kind: commands go down a pipe, replies and X events come
# back as lines.

use strict;
use warnings;

use IO::Handle;
use IO::Select;
use POSIX ();

use Selkies;

sub new {
	my ($class, $t, $program) = @_;

	my $binary = $t->tool($program || 'xclient');

	pipe my $in, my $commands or die "pipe: $!\n";
	pipe my $lines, my $out or die "pipe: $!\n";

	my $pid = $t->spawn(sub {
		close $commands;
		close $lines;
		open STDIN, '<&', $in;
		open STDOUT, '>&', $out;
		open STDERR, '>>', $t->dir() . '/logs/x_clients.log';
		%ENV = (%ENV, $t->x_environment());
		exec $binary;
	});

	close $in;
	close $out;
	$commands->autoflush(1);

	my $self = bless { t => $t, pid => $pid, commands => $commands,
		lines => $lines, buffer => '', queue => [] }, $class;

	my $ready = $self->wait(qr/^ready (\d+) (\d+)/, 10)
		or die "the X client is not ready\n";

	return $self;
}

# Lines that are here by now, or come within the time.

sub fill {
	my ($self, $timeout) = @_;

	return 0 unless IO::Select->new($self->{lines})->can_read($timeout);
	return 0 unless sysread $self->{lines}, $self->{buffer}, 65536,
		length $self->{buffer};

	push @{ $self->{queue} }, $1 while $self->{buffer} =~ s/^(.*)\n//;

	return 1;
}

# The first line that matches; those before it are dropped.

sub wait {
	my ($self, $re, $timeout) = @_;

	my $deadline = clock() + (defined $timeout ? $timeout : 5) * slower();

	for ( ;; ) {
		while (@{ $self->{queue} }) {
			my $line = shift @{ $self->{queue} };
			return $line if $line =~ $re;
		}

		my $left = $deadline - clock();

		return undef if $left <= 0;

		# websockets are read meanwhile: a client that stops reading
		# would be another test
		if (defined &Selkies::WebSocket::pump_all) {
			Selkies::WebSocket::pump_all($left < 0.02 ? $left : 0.02,
				$self->{lines});
			$self->fill(0);

		} else {
			$self->fill($left);
		}
	}
}

# The reply to a command, found among the events, which stay queued.

sub ask {
	my ($self, $command, $re) = @_;

	my @before = @{ $self->{queue} };
	my @between;

	$self->{queue} = [];
	print { $self->{commands} } "$command\n";

	my $deadline = clock() + 10 * slower();

	for ( ;; ) {
		while (@{ $self->{queue} }) {
			my $line = shift @{ $self->{queue} };

			if ($line =~ $re) {
				unshift @{ $self->{queue} }, @before, @between;
				return $line;
			}

			push @between, $line;
		}

		die "xclient: no reply to $command\n" if clock() > $deadline;

		$self->fill(0.05);
	}
}

sub tell {
	my ($self, $command) = @_;

	return $self->ask($command, qr/^done /);
}

# Paints a box; the time it left for the X server, in us.

sub draw {
	my ($self, $x, $y, $w, $h, $colour) = @_;

	my ($us) = $self->ask("fill $x $y $w $h $colour", qr/^drawn/)
		=~ /(\d+)/;

	return $us;
}

sub keys {
	my ($self) = @_;

	my @keys = split ' ', $self->ask('keys', qr/^keys/);

	shift @keys;

	return @keys;
}

sub pointer {
	my ($self) = @_;

	return $self->ask('pointer', qr/^pointer/) =~
		/^pointer (-?\d+) (-?\d+) (0x\w+)/;
}

sub size {
	my ($self) = @_;

	return join 'x', $self->ask('size', qr/^size/) =~ /(\d+) (\d+)/;
}

# All input events up to now: a round trip through the X server is the end
# mark, so it holds whatever X had before.

sub events {
	my ($self) = @_;

	$self->ask('size', qr/^size/);

	my @events = grep { /^(?:key|button|motion) / } @{ $self->{queue} };

	$self->{queue} = [];

	return @events;
}

# The colours of the card, in the order painted: 4 columns, 2 rows.

sub patches {
	return ([0x00, 0x00, 0x00], [0xff, 0xff, 0xff], [0xc0, 0x20, 0x20],
		[0x20, 0xa0, 0x40], [0x20, 0x40, 0xc0], [0xd0, 0xc0, 0x30],
		[0x80, 0x80, 0x80], [0x40, 0xa0, 0xb0]);
}

sub quit {
	my ($self) = @_;

	close $self->{commands};
	$self->{t}->reap($self->{pid}, 3);
}

1;
