#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The clipboard and programs that people have: xclip, xsel and GTK copy what the
# client is sent, and paste what it sends; short, in pieces, as pictures.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Digest::SHA qw/ sha256_hex /;

use Selkies;
use Selkies::Clipboard;
use Selkies::Png;

sub found { grep { -x "$_/$_[0]" } split /:/, $ENV{PATH} }

my $gtk = Selkies->root() . '/t/lib/clipboard.py';

# arguments to copy a file's bytes, and to paste as a type

my %program = (
	xclip => { copy => sub { ('xclip', '-quiet', '-selection', 'clipboard', '-t',
			$_[1], '-i', $_[0]) },
		paste => sub { ('xclip', '-selection', 'clipboard', '-o', '-t', $_[0]) },
		types => [ 'UTF8_STRING', 'image/png' ] },
	xsel => { copy => sub { ('sh', '-c', 'exec xsel -b -n -i <"$0"', $_[0]) },
		paste => sub { ('xsel', '-b', '-o') }, types => [ 'UTF8_STRING' ] },
	gtk => { copy => sub { ('python3', $gtk, 'copy', @_[0, 1]) },
		paste => sub { ('python3', $gtk, 'paste', $_[0]) },
		types => [ 'UTF8_STRING', 'image/png' ] }
);

delete $program{$_} for grep { !found($_) } qw/ xclip xsel /;
delete $program{gtk} if system('python3 -c "import gi;'
	. ' gi.require_version(\'Gtk\', \'3.0\')" 2>/dev/null') != 0;

plan(skip_all => 'no xclip, no xsel, no GTK for Python') unless %program;

my $t = Selkies->new(x => '800x600', timeout => 180);

$t->simple();

my $clip = Selkies::Clipboard->new($t);

$t->run();
$clip->control();

my %environment = $t->x_environment();
my $n = 0;

# The bytes that a program pastes.

sub paste {
	my (@command) = @_;

	local %ENV = (%ENV, %environment);

	open my $pipe, '-|', @command or die "$command[0]: $!\n";
	binmode $pipe;
	local $/;

	return <$pipe> // '';
}

for my $name (sort keys %program) {
	my $p = $program{$name};

	for my $type (@{ $p->{types} }) {
		my @cases = $type eq 'UTF8_STRING'
			? ([ 'a word', "Gr\xc3\xbc\xc3\x9fe \xe2\x82\xac of $name" ],
				[ '3 MB', Selkies::Clipboard::text_of(3_000_000) ])
			: ([ 'a picture', png(4, 3, 10 + $n, 20, 30, 255) ],
				[ 'one of 1.5 MB', png_of(600, 600,
				Selkies::Clipboard::noise(600 * 600 * 4), 0) ]);

		for my $case (@cases) {
			my ($what, $data) = @$case;
			my $mime = $type eq 'UTF8_STRING' ? 'text/plain' : $type;

			# of the client

			$clip->send($data, $mime eq $type ? (mime => $mime) : ());
			$clip->client()->round_trip();
			$clip->pastes($data, "$what is there", $type);

			my $got = paste($p->{paste}($type));

			# a toolkit decodes a picture and encodes it anew

			($got, $data) = map { (png_pixels($_))[2] // '' } $got, $data
				if $name eq 'gtk' && $type ne 'UTF8_STRING';

			is(sha256_hex($got), sha256_hex($data), "$name pastes $what");

			# of the desktop

			$data = $case->[1];
			$data = png_of(600, 600, Selkies::Clipboard::noise(600 * 600 * 4),
				0) if $type ne 'UTF8_STRING';
			$data =~ s/^\w/!/ if $type eq 'UTF8_STRING';

			my $file = $t->write_file('copied' . $n++, $data);
			my $pid = $t->spawn(sub {
				%ENV = (%ENV, %environment);
				open STDERR, '>>', $t->dir() . '/logs/programs.log';
				exec $p->{copy}($file, $type);
			});

			my ($have, $came) = $clip->incoming(20);

			($came, $data) = map { (png_pixels($_))[2] // '' } $came, $data
				if $name eq 'gtk' && $type ne 'UTF8_STRING';

			is("$have " . sha256_hex($came), "$mime " . sha256_hex($data),
				"$name copies $what");
			kill 'TERM', $pid;
			$t->reap($pid, 5);
		}
	}
}

# what they are offered

$clip->send('text');
$clip->pastes('text', 'text is there');

SKIP: {
	skip 'no xclip', 2 unless $program{xclip};

	my %offered = map { $_ => 1 } split /\n/,
		paste($program{xclip}{paste}('TARGETS'));

	is(join(' ', grep { !$offered{$_} } qw/ TARGETS TIMESTAMP MULTIPLE
		UTF8_STRING STRING TEXT text\/plain /), '', 'TARGETS has all of them');
	isnt(paste($program{xclip}{paste}('TIMESTAMP')), '', 'TIMESTAMP is given');
}

$t->done();
